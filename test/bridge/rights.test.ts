/** What the bridge's command line lets a program do: whatever else it tries is refused, under both runtimes. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let folder: string;

/** Tries one thing after the other and prints which were allowed. */
const PROBE = `
import { readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { connect } from "node:net";
const at = process.argv[2];
const said = {};
const attempt = async (name, act) => { try { said[name] = (await act()) ?? true; } catch { said[name] = false; } };
await attempt("read library", () => readFileSync(at + "/library/book", "utf8") === "book");
await attempt("read elsewhere", () => readFileSync(at + "/private/key", "utf8") === "key");
await attempt("read above", () => readFileSync(at + "/library/../private/key", "utf8") === "key");
await attempt("read system", () => readFileSync("/etc/passwd", "utf8") !== "");
await attempt("write cache", () => writeFileSync(at + "/cache/new", "1"));
await attempt("write library", () => writeFileSync(at + "/library/new", "1"));
await attempt("run", () => spawnSync(process.execPath, ["--version"]).status === 0);
await attempt("thread", async () => {
  const { Worker } = await import("node:worker_threads");
  const worker = new Worker("0", { eval: true });
  await new Promise((ended, failed) => worker.on("exit", ended).on("error", failed));
});
await attempt("network", () => new Promise((allowed, refused) => {
  const ends = (error) => (error.code === "ECONNREFUSED" ? allowed() : refused(error));
  connect(1, "127.0.0.1").on("error", ends).on("connect", allowed);
}));
await attempt("sqlite in cache", async () => {
  const { DatabaseSync } = await import("node:sqlite");
  new DatabaseSync(at + "/cache/db").exec("CREATE TABLE t (a)");
});
await attempt("sqlite elsewhere", async () => {
  const { DatabaseSync } = await import("node:sqlite");
  new DatabaseSync(at + "/private/db").exec("CREATE TABLE t (a)");
});
await attempt("variable of a library", () => process.env.NODE_DEBUG === "");
await attempt("variable of somebody else", () => process.env.A_SECRET === "secret");
await attempt("name of the machine", async () => (await import("node:os")).hostname() !== "");
await attempt("home", async () => (await import("node:os")).homedir() !== "");
console.log(JSON.stringify(said));
`;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "rights-")));
  for (const name of ["bridge", "library", "cache", "private"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "bridge", "probe.mjs"), PROBE);
  writeFileSync(join(folder, "library", "book"), "book");
  writeFileSync(join(folder, "private", "key"), "key");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The command line as calibre makes it; the module needs nothing of calibre's. */
function commandOf(name: "node" | "deno", version: readonly number[]): string[] {
  const script = [
    "import json, sys",
    "sys.path.insert(0, sys.argv[1])",
    "from link import runtime",
    "from link.ask_version import Runtime",
    "at, path, name, version = sys.argv[2:6]",
    "chosen = Runtime(path, name, tuple(json.loads(version)))",
    "script = at + '/bridge/probe.mjs'",
    "line = runtime.command(chosen, script, hosts=[], read=[at + '/library'], write=[at + '/cache'])",
    "print(json.dumps(line))",
  ];
  const program = resolve("node_modules/.bin", name);
  const args = [resolve("calibre_plugin"), folder, program, name, JSON.stringify(version)];
  const made = spawnSync("python3", ["-c", script.join("\n"), ...args], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr);
  return JSON.parse(made.stdout) as string[];
}

/** What a program may know of whose machine it is on. */
function surroundings(allowed: boolean): Record<string, boolean> {
  return { "variable of somebody else": allowed, "name of the machine": allowed, home: allowed };
}

const nodeVersion = process.versions.node.split(".").map(Number);

describe.skipIf(process.platform === "win32")("a program in the bridge's place", () => {
  test.each([
    // Node does not count SQLite's files among those it guards; Deno's threads have the rights of the whole.
    ["node", nodeVersion, { "sqlite elsewhere": true, thread: false, network: true, ...surroundings(true) }],
    ["deno", [2, 9, 5], { "sqlite elsewhere": false, thread: true, network: false, ...surroundings(false) }],
  ] as const)("under %s reads the library, writes the cache, and no more", (name, version, special) => {
    const [program = "", ...args] = commandOf(name, version);
    const env = { ...process.env, DENO_DIR: join(folder, "deno"), NODE_DEBUG: "", A_SECRET: "secret" };
    const ended = spawnSync(program, [...args, folder], { encoding: "utf8", env });
    expect(ended.stderr).toBe("");
    expect(JSON.parse(ended.stdout)).toEqual({
      "read library": true,
      "read elsewhere": false,
      "read above": false,
      "read system": false,
      "write cache": true,
      "write library": false,
      run: false,
      "sqlite in cache": true,
      "variable of a library": true,
      ...special,
    });
    expect(existsSync(join(folder, "library", "new"))).toBe(false);
    rmSync(join(folder, "private", "db"), { force: true });
    for (const left of ["db", "new"]) rmSync(join(folder, "cache", left), { force: true });
  });

  test("a Node that knows no rights of a network is not given a word that it would refuse to start with", () => {
    expect(commandOf("node", [24, 1, 0])).not.toContain("--allow-net");
    expect(commandOf("node", [25, 0, 0])).toContain("--allow-net");
  });
});
