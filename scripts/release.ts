/** `npm run release -- X.Y.Z`: checks, gives the changelog's newest part its number and day, and tags; nothing is pushed. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { withVersion } from "./release-files.ts";

const root = join(import.meta.dirname, "..");
const [version = ""] = process.argv.slice(2);

function stop(why: string): never {
  process.stderr.write(`release: ${why}\n`);
  process.exit(2);
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, error } = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (error !== undefined || status !== 0) stop(`${command} ${args.join(" ")} failed`);
  return stdout.trim();
}

if (run("git", ["status", "--porcelain"]) !== "") stop("there are changes that are not committed");
if (run("git", ["rev-parse", "--abbrev-ref", "HEAD"]) !== "main") stop("releases are made on main");
const names = ["package.json", "package-lock.json", "calibre_plugin/__init__.py", "CHANGELOG.md"] as const;
const before = Object.fromEntries(names.map((name) => [name, readFileSync(join(root, name), "utf8")]));
const after = withVersion(before, version, new Date().toISOString().slice(0, 10));
if (typeof after === "string") stop(after);
for (const script of ["check", "test", "test:slow"]) run("npm", ["run", script]);
for (const [name, text] of Object.entries(after)) writeFileSync(join(root, name), text);
run("git", ["commit", "--quiet", "--all", "--message", `release: ${version}`]);
run("git", ["tag", "--annotate", `v${version}`, "--message", `KOReader Progress ${version}`]);
console.log(`v${version} is tagged. To draft the release: git push origin main v${version}`);
