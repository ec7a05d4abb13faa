/** The command line and the server, packed for npm, and with a runtime inside for machines that have none. */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "tar";
import * as z from "zod";
import { fileNameOf, PLATFORMS } from "./platforms.ts";
import { readRuntime, runtimeLicence } from "./runtime.ts";

const root = join(import.meta.dirname, "..", "..");
const DOCUMENTS = ["README.md", "CHANGELOG.md", "LICENSE"];
// The same day in every archive: the same sources give the same bytes.
const PACKED_ON = new Date(Date.UTC(1985, 9, 26, 8, 15));
/** What of package.json concerns whoever installs it; all that it needs is bundled. */
const Described = z.object({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  license: z.string(),
  engines: z.object({ node: z.string() }),
});

/** Starts the command with the runtime that lies beside it, and with nothing of the machine's own settings for it. */
const STARTER = `#!/bin/sh
here=$(dirname -- "$(readlink -f -- "$0")")
DENO_NO_UPDATE_CHECK=1 exec "$here/../lib/deno" run --no-config --no-lock --cached-only --no-prompt --allow-all "$here/../lib/cli.mjs" "$@"
`;

/** Writes the package for npm into `folder`; its path. */
export async function packForNpm(folder: string): Promise<string> {
  const { engines, ...about } = Described.parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
  const destination = join(folder, `${about.name}-${about.version}.tgz`);
  await inStaging(async (staging) => {
    const home = join(staging, "package");
    copyProgram(join(home, "dist"));
    for (const name of DOCUMENTS) copyFileSync(join(root, name), join(home, name));
    const described = { ...about, type: "module", bin: { "koreader-progress": "dist/cli.mjs" }, engines };
    writeFileSync(join(home, "package.json"), `${JSON.stringify(described, null, 2)}\n`);
    await pack(staging, "package", destination);
  });
  return destination;
}

/** Writes the archives with a runtime inside into `folder`, one for each kind of Linux machine; their paths. */
export async function packArchives(folder: string, version: string): Promise<string[]> {
  const written: string[] = [];
  for (const platform of PLATFORMS.filter(({ calibre }) => calibre === "linux")) {
    const [binary] = platform.binaries;
    if (binary === undefined) throw new Error(`${platform.name} has no runtime`);
    const name = `koreader-progress-${version}-${platform.name}`;
    const destination = join(folder, `${name}.tar.gz`);
    await inStaging(async (staging) => {
      const home = join(staging, name);
      copyProgram(join(home, "lib"));
      writeFileSync(join(home, "lib", "deno"), await readRuntime(binary));
      chmodSync(join(home, "lib", "deno"), 0o755);
      writeFileSync(join(home, "lib", `${fileNameOf(binary)}.LICENSE`), runtimeLicence());
      mkdirSync(join(home, "bin"));
      writeFileSync(join(home, "bin", "koreader-progress"), STARTER);
      chmodSync(join(home, "bin", "koreader-progress"), 0o755);
      for (const document of [...DOCUMENTS, "deploy/koreader-progress.service"]) {
        copyFileSync(join(root, document), join(home, document.replace(/^.*\//, "")));
      }
      await pack(staging, name, destination);
    });
    written.push(destination);
  }
  return written;
}

function copyProgram(home: string): void {
  mkdirSync(home, { recursive: true });
  cpSync(join(root, "dist"), home, { recursive: true });
}

async function inStaging(fill: (folder: string) => Promise<void>): Promise<void> {
  const staging = mkdtempSync(join(tmpdir(), "koreader-progress-package-"));
  try {
    await fill(staging);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

async function pack(folder: string, inside: string, destination: string): Promise<void> {
  // Sorted by us: the order in which a disk lists its files is its own.
  const files = globSync(`${inside}/**/*`, { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
  await create(
    { cwd: folder, file: destination, gzip: { level: 9 }, portable: true, mtime: PACKED_ON, noDirRecurse: true },
    files,
  );
}
