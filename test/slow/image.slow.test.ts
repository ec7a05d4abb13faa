import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";

const root = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "koreader-progress-image-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const canBuild = spawnSync("buildah", ["--version"]).error === undefined && process.getuid?.() === 0;
const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));

/** Lives the image's life as its user, in a mount and a network of its own: an account, a place, kill -9, and again. */
const LIFE = `
set -eu
cd "$1"
mkdir -p image/proc image/dev
mount -t proc proc image/proc
mount --bind /dev image/dev
ip link set lo up
inside() { env -i $ENVIRONMENT chroot --userspec=65532:65532 image /usr/bin/deno run --no-config --no-lock --cached-only --no-prompt --allow-all /app/cli.mjs "$@"; }
started() { i=0; until inside health 2>/dev/null; do i=$((i + 1)); [ $i -lt 60 ]; sleep 0.5; done; }
key=$(printf secret | md5sum | cut -d' ' -f1)
ask() { curl -s -H "x-auth-user: ann" -H "x-auth-key: $key" -H "content-type: application/json" "$@"; }
printf secret | inside user add ann >&2
inside serve >&2 & server=$!
started
ask -X PUT -d '{"document":"d","progress":"1","percentage":0.5,"device":"k","device_id":"1"}' http://127.0.0.1:8081/syncs/progress
echo
pkill -9 -P $server || true
kill -9 $server
inside serve >&2 & server=$!
started
ask http://127.0.0.1:8081/syncs/progress/d
echo
kill -TERM $server
wait $server
`;

describe.runIf(canBuild)("the container image", () => {
  beforeAll(() => {
    for (const script of ["scripts/build.ts", "scripts/package-image.ts"]) {
      const { status, stderr } = spawnSync(process.execPath, [script], { cwd: root, encoding: "utf8" });
      if (status !== 0) throw new Error(stderr);
    }
    const archive = join(root, "packages", `koreader-progress-${version}-image-amd64.tar.gz`);
    for (const name of ["layers", "image"]) mkdirSync(join(folder, name));
    spawnSync("tar", ["xzf", archive, "-C", join(folder, "layers")]);
  });

  test("runs as nobody, says how it is asked for its health, and brings its licences", () => {
    const manifest = z
      .array(z.looseObject({ Config: z.string(), Layers: z.array(z.string()) }))
      .parse(JSON.parse(readFileSync(join(folder, "layers", "manifest.json"), "utf8")));
    for (const layer of manifest[0]?.Layers ?? []) {
      spawnSync("tar", ["xf", join(folder, "layers", layer), "-C", join(folder, "image")]);
    }
    const { config } = z
      .looseObject({
        config: z.looseObject({ User: z.string(), Healthcheck: z.looseObject({ Test: z.array(z.string()) }) }),
      })
      .parse(JSON.parse(readFileSync(join(folder, "layers", manifest[0]?.Config ?? ""), "utf8")));
    expect(config.User).toBe("65532:65532");
    expect(config.Healthcheck.Test.at(-1)).toBe("health");
    expect(readFileSync(join(folder, "image", "app", "LICENSES.txt"), "utf8")).toContain("deno 2.");
    expect(readFileSync(join(folder, "image", "usr/share/doc/gcc-12-base/copyright"), "utf8")).toContain("GCC");
  });

  test("answers, is killed, and knows the place it acknowledged", () => {
    const script = join(folder, "life.sh");
    writeFileSync(script, LIFE);
    const ENVIRONMENT =
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin KOREADER_PROGRESS_HOST=127.0.0.1 KOREADER_PROGRESS_DATA=/data DENO_DIR=/tmp/deno";
    const life = spawnSync("unshare", ["-nm", "sh", script, folder], {
      encoding: "utf8",
      env: { ...process.env, ENVIRONMENT },
    });
    expect(life.stderr).not.toContain("cannot");
    const [put, got] = life.stdout.trim().split("\n");
    expect(JSON.parse(put ?? "")).toMatchObject({ document: "d" });
    expect(JSON.parse(got ?? "")).toMatchObject({ document: "d", percentage: 0.5, progress: "1" });
    expect(life.status).toBe(0);
  });
});

describe.runIf(spawnSync("systemd-analyze", ["--version"]).error === undefined)("the systemd unit", () => {
  const unit = join(root, "deploy", "koreader-progress.service");

  test("is understood whole", () => {
    // What it starts is not installed here: any program will do for the check.
    const here = join(folder, "koreader-progress.service");
    writeFileSync(here, readFileSync(unit, "utf8").replace(/^ExecStart=\S+/m, "ExecStart=/bin/true"));
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", here], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  test("leaves the server as little of the machine as it can do with", () => {
    const { stdout } = spawnSync("systemd-analyze", ["security", "--offline=true", "--threshold=20", unit], {
      encoding: "utf8",
    });
    const exposure = /exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1];
    expect(Number(exposure)).toBeLessThanOrEqual(1.5);
  });
});
