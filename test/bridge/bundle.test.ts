/** The bridge as it is shipped: the built bundle, as a child of ours, under both runtimes. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CONTRACT_VERSION } from "../../bridge/version.ts";
import { BridgeChild } from "../support/bridge-child.ts";
import { DENO_RIGHTS } from "../support/deno-rights.ts";
import { bookOf } from "../support/models.ts";
import { RULES } from "../support/models.ts";

const BIN = resolve("node_modules/.bin");

let folder: string;
let script: string;

beforeAll(() => {
  // Under somebody else's broken package.json, as a plugin folder may well be.
  folder = realpathSync(mkdtempSync(join(tmpdir(), "bundle-")));
  writeFileSync(join(folder, "package.json"), "{ this is not JSON");
  writeFileSync(join(folder, "deno.json"), "{ nor is this");
  cpSync("dist/bridge", join(folder, "bridge"), { recursive: true });
  script = join(folder, "bridge", "main.mjs");
  writeFileSync(join(folder, "book.txt"), "x".repeat(3000));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const RUNTIMES = [
  { name: "node", command: (): string[] => [join(BIN, "node"), script] },
  {
    name: "deno",
    command: (): string[] => [
      join(BIN, "deno"),
      ..."run --no-config --no-lock --cached-only --no-prompt".split(" "),
      ...DENO_RIGHTS,
      `--allow-read=${folder}`,
      script,
    ],
  },
] as const;

const HELLO = { contract: CONTRACT_VERSION, plugin: "0", cache_folder: null };

describe.each(RUNTIMES)("the built bridge under $name", ({ name, command }) => {
  test("answers hello, then digests files, and ends with stdin", async () => {
    const bridge = new BridgeChild(command(), folder);
    bridge.send({ id: 1, method: "bridge/hello", params: HELLO });
    expect(await bridge.next()).toMatchObject({ id: 1, result: { contract: CONTRACT_VERSION, runtime: { name } } });
    bridge.send({
      id: 2,
      method: "digest/compute",
      params: { paths: [join(folder, "book.txt"), join(folder, "none")] },
    });
    expect(await bridge.next()).toMatchObject({
      id: 2,
      result: { files: [{ size: 3000, partial_md5: expect.stringMatching(/^[0-9a-f]{32}$/) }, { error: "ENOENT" }] },
    });
    bridge.child.stdin.end();
    expect(await bridge.ended).toBe(0);
  });

  test("says what it does not understand before hello too, and stays", async () => {
    const bridge = new BridgeChild(command(), folder);
    bridge.send("{");
    bridge.send({ id: 5, method: "no/such" });
    expect(await bridge.next()).toMatchObject({ id: null, error: { code: -32700 } });
    expect(await bridge.next()).toMatchObject({ id: 5, error: { code: -32601 } });
    bridge.send({ id: 6, method: "bridge/hello", params: HELLO });
    expect(await bridge.next()).toMatchObject({ id: 6, result: { contract: CONTRACT_VERSION } });
    bridge.child.stdin.end();
    await bridge.ended;
  });

  test("takes a message of ten megabytes", async () => {
    const bridge = new BridgeChild(command(), folder);
    bridge.send({ id: 1, method: "bridge/hello", params: HELLO });
    await bridge.next();
    bridge.send({ id: 2, method: "digest/compute", params: { paths: ["x".repeat(10_000_000)] } });
    expect(await bridge.next()).toMatchObject({ id: 2, result: { files: [{ error: expect.any(String) }] } });
    bridge.child.stdin.end();
    await bridge.ended;
  });
});

test("an answer longer than a pipe holds is whole, also when the lines end before it is read", async () => {
  const child = spawn(join(BIN, "node"), [script], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
  const hello = { jsonrpc: "2.0", id: 1, method: "bridge/hello", params: HELLO };
  const digest = { jsonrpc: "2.0", id: 2, method: "digest/compute", params: { paths: ["x".repeat(2_000_000)] } };
  child.stdin.write(`${JSON.stringify(hello)}\n${JSON.stringify(digest)}\n`);
  // The beginning of the answer is there: from now on nobody reads until the bridge has been told to end.
  await once(child.stdout, "readable");
  let said = "";
  while (!said.includes('"files"')) {
    said += String(child.stdout.read() ?? "");
    if (!said.includes('"files"')) await once(child.stdout, "readable");
  }
  child.stdin.end();
  for await (const chunk of child.stdout) said += String(chunk);
  expect(JSON.parse(said.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({ id: 2, result: { files: [{}] } });
});

test("fifty thousand books pass through in pages", async () => {
  const bridge = new BridgeChild(RUNTIMES[0].command(), folder);
  bridge.send({ id: 1, method: "bridge/hello", params: HELLO });
  await bridge.next();
  for (let start = 0; start < 50_000; start += 500) {
    const books = Array.from({ length: 500 }, (_, index) => bookOf({ book_id: start + index + 1 }));
    bridge.send({ id: 2 + start, method: "sync/books", params: { run: "r", books } });
    expect(await bridge.next()).toMatchObject({ result: { received: start + 500 } });
  }
  const account = {
    id: "a",
    url: "http://127.0.0.1:9",
    username: "u",
    userkey: "k",
    headers: {},
    tls: { mode: "system" },
    proxy: null,
  };
  const profile = {
    id: "p",
    matching: "both",
    columns: [{ field: "percent", column: "#percent", datatype: "int", scale: 1, enum_values: [] }],
    rules: RULES,
    ran_before: true,
    time_zone: null,
  };
  bridge.send({
    id: 1_000_000,
    method: "sync/planPull",
    params: { run: "r", account, profile, reach: "chosen", predicts: false, settle: null },
  });
  let message: unknown = await bridge.next();
  let books = 0;
  for (let id = 1_000_001; ; id++) {
    const { result } = message as { result: { plan: { skipped: object[] }; more: boolean } };
    expect(result.plan.skipped.length).toBeLessThanOrEqual(500);
    books += result.plan.skipped.length;
    if (!result.more) break;
    bridge.send({ id, method: "sync/next", params: { run: "r" } });
    message = await bridge.next();
  }
  expect(books).toBe(50_000);
  bridge.child.stdin.end();
  await bridge.ended;
});

test("an old Node is told what it needs, in one sentence", () => {
  // The check reads process.versions alone: an older version is put in its place before the entry loads.
  const older = `Object.defineProperty(process.versions, "node", { value: "20.20.2" });`;
  const apart = mkdtempSync(join(tmpdir(), "older-"));
  const preload = join(apart, "older.cjs");
  writeFileSync(preload, older);
  for (const entry of [script, resolve("dist/cli.mjs")]) {
    const run = spawnSync(join(BIN, "node"), ["--require", preload, entry], { encoding: "utf8", cwd: apart });
    expect(run.stderr).toBe("KOReader Progress needs Node 22.19 or newer; this is Node 20.20.2.\n");
    expect(run.status).not.toBe(0);
  }
  rmSync(apart, { recursive: true });
});
