/** A runtime for any machine: from the npm registry, whole as its makers signed it, or not at all. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { list } from "tar";
import * as z from "zod";
import type { Binary } from "./platforms.ts";

const root = join(import.meta.dirname, "..", "..");
const CACHE = join(root, ".cache", "runtimes");
const Lock = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional(), integrity: z.string().optional() })),
});

/** The version of the runtime that packages carry: the one the tests run with. */
export function runtimeVersion(): string {
  return locked("node_modules/deno").version;
}

/** The licence under which the runtime is given on. */
export function runtimeLicence(): Buffer {
  return readFileSync(join(root, "node_modules", "deno", "LICENSE"));
}

/** A file from the registry as the lockfile names it; `integrity` is its SHA-512. */
interface PackedRuntime {
  readonly path: string;
  readonly file: string;
  readonly bytes: Buffer;
  readonly integrity: string;
}

/** The runtime's bytes. Throws when what the registry gives is not what the lockfile names. */
export async function readRuntime(binary: Binary): Promise<Buffer> {
  return executableIn(readPacked(binary).path);
}

/** The runtime as the registry packs it. Throws when that is not what the lockfile names. */
export function readPacked(binary: Binary): PackedRuntime {
  const { version, integrity } = locked(`node_modules/@deno/${binary.name}`);
  const file = `deno-${binary.name}-${version}.tgz`;
  const path = join(CACHE, file);
  if (!existsSync(path)) pack(`@deno/${binary.name}@${version}`, path);
  const bytes = readFileSync(path);
  const found = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  if (found !== integrity) {
    rmSync(path);
    throw new Error(`@deno/${binary.name}@${version} is not what the lockfile names`);
  }
  return { path, file, bytes, integrity };
}

/** Copies into `folder` what the universal plugin fetches: the very archives that `pinned.py` lists, from the registry. */
export function copyPacked(folder: string, binaries: readonly Binary[]): void {
  for (const { path, file } of binaries.map(readPacked)) copyFileSync(path, join(folder, file));
}

function locked(path: string): { version: string; integrity: string } {
  const found = Lock.parse(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"))).packages[path];
  if (found?.version === undefined || found.integrity === undefined) throw new Error(`the lockfile knows no ${path}`);
  return { version: found.version, integrity: found.integrity };
}

function pack(name: string, destination: string): void {
  mkdirSync(CACHE, { recursive: true });
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const args = ["pack", name, "--json", "--pack-destination", CACHE];
  const run = spawnSync(npm, args, { encoding: "utf8", shell: process.platform === "win32" });
  if (run.status !== 0) throw new Error(`npm could not get ${name}: ${run.stderr}`);
  const [packed] = z
    .array(z.object({ filename: z.string() }))
    .min(1)
    .parse(JSON.parse(run.stdout));
  const file = join(CACHE, (packed?.filename ?? "").replace("@", "").replace("/", "-"));
  if (file !== destination) renameSync(file, destination);
}

async function executableIn(packed: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  await list({
    file: packed,
    onReadEntry: (entry) => {
      if (!/^package\/deno(?:\.exe)?$/.test(entry.path)) return;
      entry.on("data", (part) => parts.push(part));
    },
  });
  if (parts.length === 0) throw new Error(`${dirname(packed)} holds no runtime`);
  return Buffer.concat(parts);
}
