import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, test } from "vitest";
import type { ServerCache } from "../../../src/app/ports.ts";
import { openServerCache } from "../../../src/io/sqlite/server-cache.ts";

let folder: string;
let cache: ServerCache;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cache-"));
  cache = openServerCache(folder);
  return async () => {
    await cache.close();
    rmSync(folder, { recursive: true });
  };
});

/** As the next process finds it. */
async function reopen(): Promise<void> {
  await cache.close();
  cache = openServerCache(folder);
}

const MISS = { asked: 100, times: 1, read_at: null };

describe("what a server last said", () => {
  test.each([
    ["that it knew nothing", MISS],
    ["when its record was made", { asked: 200, times: 0, read_at: 150.5 }],
  ])("is known at once, and outlives the process: %s", async (_what, word) => {
    cache.keepWord("a", "d", { asked: 50, times: 7, read_at: 3 });
    cache.keepWord("a", "d", word);
    expect(cache.word("a", "d")).toEqual(word);
    await reopen();
    expect(cache.word("a", "d")).toEqual(word);
  });

  test("of a whole large library, told in one turn, is kept together", async () => {
    const documents = Array.from({ length: 120_000 }, (_, n) => `document ${n}`);
    for (const document of documents) cache.keepWord("a", document, MISS);
    await reopen();
    expect(documents.filter((document) => cache.word("a", document)?.times !== 1)).toEqual([]);
  });

  test("of one account is none of another's", () => {
    cache.keepWord("a", "d", MISS);
    expect(cache.word("b", "d")).toBeNull();
  });

  test("is forgotten once something was put there, also across processes", async () => {
    cache.keepWord("a", "d", MISS);
    cache.forgetWord("a", "d");
    expect(cache.word("a", "d")).toBeNull();
    await reopen();
    expect(cache.word("a", "d")).toBeNull();
    cache.keepWord("a", "d", { ...MISS, asked: 300 });
    expect(cache.word("a", "d")).toEqual({ ...MISS, asked: 300 });
  });
});

describe("digests of library files", () => {
  test("are known for the very same path, size and date alone", async () => {
    cache.keepFileDigest("/book", 10, 1.5, "0".repeat(32));
    await reopen();
    expect(cache.fileDigest("/book", 10, 1.5)).toBe("0".repeat(32));
    expect(cache.fileDigest("/book", 11, 1.5)).toBeNull();
    expect(cache.fileDigest("/book", 10, 1.6)).toBeNull();
  });
});

test("questions are counted by day", async () => {
  cache.spend("a", 5, 10);
  cache.spend("a", 5, 7);
  await reopen();
  expect([cache.spent("a", 5), cache.spent("a", 6)]).toEqual([17, 0]);
  cache.spend("a", 6, 1);
  await reopen();
  expect([cache.spent("a", 5), cache.spent("a", 6)]).toEqual([0, 1]);
});

test("a damaged file is thrown away and begun anew", async () => {
  await cache.close();
  for (const suffix of ["-wal", "-shm"]) rmSync(join(folder, `koreader-progress.sqlite${suffix}`), { force: true });
  writeFileSync(
    join(folder, "koreader-progress.sqlite"),
    "this is no database at all, but it is long enough to look like one",
  );
  cache = openServerCache(folder);
  cache.keepWord("a", "d", MISS);
  expect(cache.word("a", "d")).toEqual(MISS);
});

describe("never costs a sync", () => {
  test.each(["of 0.1.0", "of a newer version"])("a cache %s is thrown away, once", async (whose) => {
    await cache.close();
    const path = join(folder, "koreader-progress.sqlite");
    copyFileSync(join(import.meta.dirname, "../../fixtures/release-0.1.0/cache/koreader-progress.sqlite"), path);
    const database = new DatabaseSync(path);
    const [known] = database.prepare("SELECT account_id, document FROM miss").all();
    if (whose !== "of 0.1.0") database.exec("PRAGMA user_version = 99; ALTER TABLE miss RENAME TO later");
    database.close();
    cache = openServerCache(folder);
    expect(cache.word(String(known?.["account_id"]), String(known?.["document"]))).toBeNull();
    cache.keepWord("a", "d", MISS);
    await reopen();
    expect(cache.word("a", "d")).toEqual(MISS);
  });

  test("a file that is damaged where nobody looked at once reads as knowing nothing", async () => {
    for (let index = 0; index < 2000; index++) cache.keepWord("a", `document ${index}`, MISS);
    await reopen();
    await cache.close();
    const path = join(folder, "koreader-progress.sqlite");
    const bytes = readFileSync(path);
    bytes.fill(0xaa, 8 * 4096);
    writeFileSync(path, bytes);
    cache = openServerCache(folder);
    const known = Array.from({ length: 2000 }, (_, index) => cache.word("a", `document ${index}`));
    expect(known.filter((word) => word === null).length).toBeGreaterThan(0);
    cache.keepWord("a", "new", MISS);
    expect(cache.word("a", "new")).toEqual(MISS);
  });

  test("a folder that is taken away while it is open", async () => {
    await reopen();
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    cache.keepWord("a", "d", MISS);
    expect(cache.word("a", "d")).toEqual(MISS);
    await cache.close();
    expect(readdirSync(folder).filter((name) => name.endsWith(".sqlite"))).toEqual([]);
  });
});
