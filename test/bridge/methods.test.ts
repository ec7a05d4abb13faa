/** Every method of the contract, asked of the built bridge under both runtimes with no more rights than calibre gives it. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { METHODS } from "../../bridge/contract.ts";
import { CONTRACT_VERSION } from "../../bridge/version.ts";
import { startServer } from "../../src/compose.ts";
import { writeEpub } from "../../scripts/demo-books.ts";
import { partialMd5 } from "../../src/core/digest.ts";
import { userkeyOf } from "../../src/core/md5.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { BridgeChild } from "../support/bridge-child.ts";
import { DENO_RIGHTS } from "../support/deno-rights.ts";
import { knownDigestOf, RULES } from "../support/models.ts";
import { makeStatistics } from "../support/statistics.ts";

const BIN = resolve("node_modules/.bin");
const POINTER = "/body/DocFragment[2]/body/p[3]/text().10";

let folder: string;
let server: RunningServer;
let bridge: BridgeChild;
let account: object;
let book: { book_id: number; formats: object[]; digests: object[] };
let document: string;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "methods-")));
  for (const name of ["library", "cache", "data"]) mkdirSync(join(folder, name));
  cpSync("dist/bridge", join(folder, "bridge"), { recursive: true });
  const path = join(folder, "library", "lamp.epub");
  await writeEpub(path, { title: "Lamp", author: "A", version: "3.0", chapters: 4 });
  const { size, mtimeMs } = statSync(path);
  document = partialMd5(readFileSync(path));
  book = {
    book_id: 1,
    formats: [{ format: "EPUB", path, size, mtime: mtimeMs / 1000 }],
    digests: [],
  };
  server = await startServer({ port: 0, registration: "open" });
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const whole = (): object => ({
  ...book,
  uuid: "u",
  title: "Lamp",
  authors: ["A"],
  cells: { "#percent": null, "#place": null },
  base: null,
  changed_at: {},
  written: {},
  declined: [],
  observations: [],
  marks: [],
  readings: [],
  names: [],
  added: 0,
  news: 0,
});

const column = (field: string, name: string, datatype: string): object => ({
  field,
  column: name,
  datatype,
  scale: 1,
  enum_values: [],
});

const profile = {
  id: "p",
  matching: "both",
  columns: [column("percent", "#percent", "int"), column("place", "#place", "text")],
  rules: RULES,
  ran_before: true,
  time_zone: null,
};

const RUNTIMES = [
  { name: "node", keepsData: true, command: (script: string): string[] => [join(BIN, "node"), script] },
  {
    // As for everything but a server of one's own: a guarded Node does not see data onto the disk.
    name: "node with guarded files",
    keepsData: false,
    command: (script: string): string[] => [
      join(BIN, "node"),
      "--no-warnings",
      "--permission",
      ...["bridge", "library", "cache"].map((name) => `--allow-fs-read=${join(folder, name)}`),
      `--allow-fs-write=${join(folder, "cache")}`,
      "--allow-net",
      script,
    ],
  },
  {
    name: "deno",
    keepsData: true,
    command: (script: string): string[] => [
      join(BIN, "deno"),
      ..."run --no-config --no-lock --cached-only --no-prompt".split(" "),
      ...DENO_RIGHTS,
      `--allow-read=${["bridge", "library", "cache", "data"].map((name) => join(folder, name)).join(",")}`,
      `--allow-write=${join(folder, "cache")},${join(folder, "data")}`,
      // The account's server, and wherever a server of one's own is to listen.
      `--allow-net=127.0.0.1:${server.port},127.0.0.1:0`,
      script,
    ],
  },
] as const;

describe.each(RUNTIMES)("the built bridge under $name", ({ name, keepsData, command }) => {
  const asked = new Set<string>();

  const ask = (method: keyof typeof METHODS, params: object): Promise<unknown> => {
    asked.add(method);
    return bridge.request(method, params);
  };

  beforeEach(async () => {
    bridge = new BridgeChild(command(join(folder, "bridge", "main.mjs")), folder);
    await ask("bridge/hello", { contract: CONTRACT_VERSION, plugin: "0", cache_folder: join(folder, "cache", name) });
    account = {
      id: name,
      url: server.url,
      username: name,
      userkey: userkeyOf("secret"),
      headers: {},
      tls: { mode: "system" },
      proxy: null,
    };
  });

  afterEach(async () => {
    const code = await bridge.end();
    // A fault of ours stands in the log with its stack.
    if (code !== 0 || /^\s+at /m.test(bridge.log)) throw new Error(`ended with ${code}\n${bridge.log}`);
  });

  test("registers, logs in and diagnoses", async () => {
    const registered = await ask("account/register", { account });
    expect(registered).toMatchObject({ result: { url: server.url, username: name } });
    expect(await ask("account/authorize", { account })).toMatchObject({ result: { url: server.url } });
    const wrong = { ...account, userkey: "wrong" };
    expect(await ask("account/authorize", { account: wrong })).toMatchObject({
      error: { code: 2003, message: "Unauthorized", data: { url: server.url, username: name } },
    });
    expect(await ask("diagnose/run", { account, digests: [] })).toMatchObject({
      result: { url: server.url, checks: [{ ok: true }, { ok: true }, { ok: true }, { ok: true }] },
    });
  });

  test("pushes, pulls with the place in words, carries over, and keeps a cache", async () => {
    const puts = [
      {
        book_id: 1,
        document,
        progress: POINTER,
        percentage: 0.25,
        before: null,
        why: { code: "push_first", data: { percentage: 0.25 } },
      },
    ];
    expect(await ask("sync/push", { account, library_id: "other", puts })).toMatchObject({
      result: { results: [{ outcome: "put", timestamp: expect.any(Number) }] },
    });
    expect(await ask("sync/books", { run: "r", books: [whole()] })).toMatchObject({ result: { received: 1 } });
    const planned = await ask("sync/planPull", {
      run: "r",
      account,
      profile,
      reach: "usual",
      predicts: false,
      settle: null,
    });
    expect(planned).toMatchObject({
      result: {
        plan: {
          updates: [
            { column: "#percent", after: 25 },
            { column: "#place", after: expect.stringMatching(/\w/) },
          ],
        },
        more: false,
      },
    });
    const unknown = { ...whole(), formats: [], digests: [knownDigestOf("e".repeat(32))] };
    await ask("sync/books", { run: "guesses", books: [unknown] });
    const guessing = { run: "guesses", account, profile, reach: "chosen", predicts: true, settle: null };
    expect(await ask("sync/planPull", guessing)).toMatchObject({ result: { more: true, wants: [1] } });
    const predicted = [{ book_id: 1, digests: [knownDigestOf(document, { source: "predicted" })] }];
    expect(await ask("sync/predicted", { run: "guesses", books: predicted })).toMatchObject({
      result: { received: 1 },
    });
    expect(await ask("sync/next", { run: "guesses" })).toMatchObject({
      result: { plan: { updates: [{ column: "#percent", after: 25 }] }, more: false },
    });
    const { result } = planned as { result: { plan: { observations: { progress: object }[] } } };
    const [observation] = result.plan.observations;
    const carry_overs = [{ book_id: 1, document: "f".repeat(32), progress: observation?.progress }];
    const request = { account, carry_overs, reading_from: 0.01, on_request: false };
    const looked = (await ask("sync/planCarryOver", request)) as { result: { results: unknown[] } };
    expect(looked).toMatchObject({ result: { results: [{ outcome: "due", found: null }] } });
    const carried = await ask("sync/carryOver", { account, library_id: "l", due: looked.result.results });
    expect(carried).toMatchObject({ result: { results: [{ outcome: "carried" }] } });
    const books = [{ book_id: 1, base: null, observations: [observation], declined: [], digests: [] }];
    const moving = await ask("sync/planMove", { account, books, reading_from: 0.01 });
    expect(moving).toMatchObject({ result: { results: [{ outcome: "not_needed", why: { code: "move_stands" } }] } });
    // What was carried over is as much ours as a push.
    const ours = { progress: POINTER, percentage: 0.25 };
    const put_backs = [{ book_id: 1, document: "f".repeat(32), ours, before: null }];
    expect(await ask("sync/undoPush", { account, library_id: "other", put_backs, again: false })).toMatchObject({
      result: { results: [{ outcome: "removed" }] },
    });
    expect(await ask("sync/next", { run: "r" })).toMatchObject({ error: { code: 1002 } });
    expect(await ask("sync/end", { run: "r" })).toMatchObject({ result: {} });
    expect(existsSync(join(folder, "cache", name, "koreader-progress.sqlite"))).toBe(true);
  });

  test("says which books are being read", async () => {
    const books = [
      { ...whole(), book_id: 1, cells: { "#percent": 10 } },
      { ...whole(), book_id: 2, cells: { "#percent": 100 } },
    ];
    await ask("sync/books", { run: "reading", books });
    expect(await ask("sync/beingRead", { run: "reading", profile })).toMatchObject({ result: { book_ids: [1] } });
  });

  test("plans a push from a place of calibre's viewer", async () => {
    const further = "/body/DocFragment[4]/body/p[9]/text().0";
    const said = await ask("position/convert", { requests: [{ ...book, document, progress: further }] });
    const { result } = said as { result: { answers: { places: { cfi: string }[] }[] } };
    const cfi = result.answers[0]?.places[0]?.cfi;
    const places = [{ source: "viewer", format: "EPUB", cfi, at: Date.now() / 1000 + 600, delivered: null }];
    expect(
      await ask("sync/planPush", { account, profile, books: [{ book: whole(), places }], typed: false }),
    ).toMatchObject({
      result: { plan: { puts: [{ document, progress: expect.stringContaining("/body/DocFragment[4]/body/p[9]") }] } },
    });
  });

  test("digests, converts a position, and tells the reading log", async () => {
    const path = join(folder, "library", "lamp.epub");
    expect(await ask("digest/compute", { paths: [path] })).toMatchObject({
      result: { files: [{ partial_md5: document }] },
    });
    const requests = [{ ...book, document, progress: POINTER }];
    expect(await ask("position/convert", { requests })).toMatchObject({
      result: {
        answers: [
          { words: { sentence: expect.stringMatching(/\w/) }, places: [{ cfi: expect.stringMatching(/^epubcfi/) }] },
        ],
      },
    });
    const progress = {
      document,
      percentage: 0.5,
      progress: POINTER,
      device: "Kobo",
      device_id: null,
      timestamp: 1_700_000_000,
    };
    const observations = [{ book_id: 1, at: 1_700_000_000, progress }];
    const telling = { rules: RULES, time_zone: "Europe/Berlin" };
    expect(await ask("log/tell", { observations, ...telling })).toMatchObject({ result: { days: ["2023-11-14"] } });
    const books = [{ uuid: "u", title: "Lamp", authors: [], observations }];
    expect(await ask("log/export", { books, format: "csv", ...telling })).toMatchObject({
      result: { text: expect.stringContaining("Lamp") },
    });
  });

  test.runIf(keepsData)("serves a server of one's own, with users", async () => {
    const data = join(folder, "data", name);
    const options = { host: "127.0.0.1", port: 0, data, registration: "closed", behind: null };
    const started = await ask("server/start", options);
    expect(started).toMatchObject({ result: { running: true, port: expect.any(Number) } });
    const { port } = (started as { result: { port: number } }).result;
    const change = { action: "add", data, username: "anna", userkey: userkeyOf("pw") };
    expect(await ask("server/users", change)).toMatchObject({ result: { users: ["anna"] } });
    const headers = { "x-auth-user": "anna", "x-auth-key": userkeyOf("pw") };
    const response = await fetch(`http://127.0.0.1:${port}/users/auth`, { headers });
    expect([response.status, await response.json()]).toEqual([200, { authorized: "OK" }]);
    expect(await ask("server/status", {})).toMatchObject({ result: { running: true, port } });
    expect(await ask("server/stop", {})).toMatchObject({ result: { running: false, port: null } });
  });

  test("lists what the server knows", async () => {
    await ask("account/register", { account });
    const document = "0b229176d4e8db7f6d2b5a4952368d7a";
    await fetch(`${server.url}/syncs/progress`, {
      method: "PUT",
      headers: { "x-auth-user": name, "x-auth-key": userkeyOf("secret"), "content-type": "application/json" },
      body: JSON.stringify({ document, progress: "/body", percentage: 0.5, device: "Kobo", device_id: "K" }),
    });
    expect(await ask("documents/list", { account })).toMatchObject({
      result: {
        list: {
          documents: expect.arrayContaining([{ progress: expect.objectContaining({ document }), metadata: null }]),
          complete: true,
        },
      },
    });
  });

  test("reads statistics that lie in the cache", async () => {
    const path = join(folder, "cache", `${name}.sqlite3`);
    makeStatistics(path, [{ md5: document, title: "Lamp", visits: [[1, 1_700_000_000, 60, 200]] }]);
    expect(await ask("statistics/read", { path, beside: [], longest: 120, time_zone: null })).toMatchObject({
      result: {
        documents: [{ digest: document, title: "Lamp", read_time: 60, read_on: [expect.any(Number)] }],
        odd: null,
      },
    });
  });

  test("plans what was marked, on the very words", async () => {
    const at = "/body/DocFragment[1]/body/p[1]/text()";
    const mark = {
      kind: "highlight",
      created: "2026-11-20 21:04:01",
      updated: null,
      page: `${at}.0`,
      pos0: `${at}.0`,
      pos1: `${at}.16`,
      text: "It was raining i",
      edited: false,
      note: null,
      drawer: "lighten",
      color: "yellow",
      chapter: "First",
      page_label: null,
      device: "Kobo",
    };
    const { formats, ...named } = whole() as { formats: object[]; book_id: number; uuid: string };
    const file = { device: "usb:kobo", path: "a.lua", digest: document, modified: 1, whole: true, annotations: [mark] };
    const { book_id, uuid } = named;
    const book = { book_id, uuid, title: "Lamp", authors: ["A"], formats, files: [file], standing: [], kept: null };
    const request = { books: [book], target: "viewer", deletions: "keep", time_zone: "UTC" };
    expect(await ask("annotations/plan", request)).toMatchObject({
      result: {
        plans: [{ book_id, left: [], writes: [{ why: "new", by: "ends", after: { start_cfi: expect.any(String) } }] }],
      },
    });
  });

  test("tells which books are being read", async () => {
    await ask("sync/books", { run: "reading", books: [whole()] });
    expect(await ask("sync/beingRead", { run: "reading", profile })).toMatchObject({ result: { book_ids: [] } });
  });

  test.runIf(keepsData)("has been asked for everything the contract names", () => {
    expect(Object.keys(METHODS).filter((method) => !asked.has(method))).toEqual([]);
  });
});
