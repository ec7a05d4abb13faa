/** `npm run package:image`: the server as container images from scratch, for amd64 and arm64, on Linux with buildah. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import * as z from "zod";
import { licences } from "./packages/contents.ts";
import { PLATFORMS } from "./packages/platforms.ts";
import { readRuntime } from "./packages/runtime.ts";

const root = join(import.meta.dirname, "..");
const out = join(root, "packages");
const PROGRAMS = ["buildah", "apt-get", "dpkg-deb"];
/** What the runtime links against, and nothing else of Debian's packages. */
const LIBRARIES = /^(?:ld-linux-.*|lib(?:c|m|dl|rt|pthread|gcc_s|resolv|nss_dns|nss_files))\.so\.\d+$/;
const ARCHITECTURES = [
  { name: "amd64", platform: "linux-x64" },
  { name: "arm64", platform: "linux-arm64" },
] as const;
const Part = z.strictObject({ name: z.string(), version: z.string(), sha256: z.string() });
type Part = z.infer<typeof Part>;
const Parts = z.strictObject({ suite: z.string(), parts: z.record(z.string(), z.array(Part)) });

function run(command: string, args: readonly string[], cwd = root): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args[0]}: ${stderr}${stdout}`);
  return stdout;
}

/** Debian's packages of another architecture, without touching what this machine has installed. */
function downloadParts(parts: readonly Part[], architecture: string, folder: string): string[] {
  const state = join(folder, "apt");
  for (const name of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(state, name), { recursive: true });
  const own = [
    `APT::Architecture=${architecture}`,
    `APT::Architectures::=${architecture}`,
    `Dir::State::Lists=${join(state, "lists")}`,
    `Dir::Cache=${join(state, "cache")}`,
    "Dir::State::status=/dev/null",
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  run("apt-get", [...own, "update", "-qq"], folder);
  return parts.map(({ name, version, sha256 }) => {
    run("apt-get", [...own, "download", `${name}=${version}`], folder);
    const [file] = globSync(`${name}_*_${architecture}.deb`, { cwd: folder });
    if (file === undefined)
      throw new Error(`${name} ${version} (${architecture}) cannot be had any more: pin a newer one`);
    const path = join(folder, file);
    const found = createHash("sha256").update(readFileSync(path)).digest("hex");
    if (found !== sha256)
      throw new Error(`${name} ${version} (${architecture}) is not what deploy/debian-parts.json names`);
    return path;
  });
}

/** The image's whole content: libraries with their licences, a runtime, the program, and a user without a name. */
async function stage(
  architecture: string,
  platformName: string,
  parts: readonly Part[],
  folder: string,
): Promise<void> {
  const rootfs = join(folder, "rootfs");
  for (const name of ["app", "usr/bin", "etc", "tmp", "usr/share/doc"])
    mkdirSync(join(rootfs, name), { recursive: true });
  mkdirSync(join(folder, "data"));
  chmodSync(join(rootfs, "tmp"), 0o1777);
  for (const deb of downloadParts(parts, architecture, folder)) {
    const unpacked = join(folder, "unpacked");
    rmSync(unpacked, { recursive: true, force: true });
    run("dpkg-deb", ["-x", deb, unpacked]);
    // Links (`ld-linux…` in /lib64) are followed: the image has files only.
    for (const path of globSync(["lib/**/*.so.*", "lib64/*", "usr/lib/**/*.so.*"], { cwd: unpacked })) {
      if (!LIBRARIES.test(path.replace(/^.*\//, ""))) continue;
      mkdirSync(join(rootfs, dirname(path)), { recursive: true });
      const target = join(unpacked, path);
      copyFileSync(existsSync(target) ? target : join(unpacked, run("readlink", [target]).trim()), join(rootfs, path));
      chmodSync(join(rootfs, path), 0o755);
    }
    for (const path of globSync("usr/share/doc/*/copyright", { cwd: unpacked })) {
      mkdirSync(join(rootfs, dirname(path)), { recursive: true });
      copyFileSync(join(unpacked, path), join(rootfs, path));
    }
  }
  const binary = PLATFORMS.find(({ name }) => name === platformName)?.binaries[0];
  if (binary === undefined) throw new Error(`there is no runtime for ${platformName}`);
  writeFileSync(join(rootfs, "usr/bin/deno"), await readRuntime(binary));
  chmodSync(join(rootfs, "usr/bin/deno"), 0o755);
  writeFileSync(join(rootfs, "etc/passwd"), "koreader-progress:x:65532:65532::/tmp:/sbin/nologin\n");
  copyFileSync(join(root, "dist/cli.mjs"), join(rootfs, "app/cli.mjs"));
  cpSync(join(root, "dist/cli"), join(rootfs, "app/cli"), { recursive: true });
  copyFileSync(join(root, "LICENSE"), join(rootfs, "app/LICENSE"));
  writeFileSync(join(rootfs, "app/LICENSES.txt"), licences());
  writeFileSync(join(rootfs, "app/debian-parts.json"), `${JSON.stringify(parts, null, 2)}\n`);
}

const missing = PROGRAMS.filter((name) => spawnSync(name, ["--version"]).error !== undefined);
if (process.platform !== "linux" || missing.length > 0) {
  process.stderr.write(
    `Images are built on Debian with ${PROGRAMS.join(", ")}; missing here: ${missing.join(", ")}.\n`,
  );
  process.exit(2);
}
const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
const { parts } = Parts.parse(JSON.parse(readFileSync(join(root, "deploy/debian-parts.json"), "utf8")));
mkdirSync(out, { recursive: true });
for (const { name, platform } of ARCHITECTURES) {
  const folder = mkdtempSync(join(tmpdir(), "koreader-progress-image-"));
  try {
    await stage(name, platform, parts[name] ?? [], folder);
    const tag = `koreader-progress:${version}-${name}`;
    const destination = join(out, `koreader-progress-${version}-image-${name}.tar`);
    rmSync(destination, { force: true });
    const storage = ["--storage-driver", "vfs", "--root", join(folder, "storage"), "--runroot", join(folder, "run")];
    // The format in which an image can say how its health is asked for; nothing is run, so nothing is emulated.
    const kind = ["--isolation", "chroot", "--format", "docker", "--timestamp", "0", "--arch", name];
    const label = `org.opencontainers.image.version=${version}`;
    run("buildah", [
      ...storage,
      "bud",
      ...kind,
      "--label",
      label,
      "-t",
      tag,
      "-f",
      join(root, "deploy/Dockerfile"),
      folder,
    ]);
    run("buildah", [...storage, "push", tag, `docker-archive:${destination}:${tag}`]);
    run("gzip", ["-n", "-9", "-f", destination]);
    console.log(`${destination}.gz`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
