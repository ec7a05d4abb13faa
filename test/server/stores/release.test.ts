/** What 0.1.0's server has stored opens here and loses nothing; what a newer one stored is left as it is. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, expect, test } from "vitest";
import { createCredentials } from "../../../src/server/credentials.ts";
import { formatExport, importExport, NewerExport, parseExport } from "../../../src/server/stores/export-lines.ts";
import { openSqliteStore } from "../../../src/server/stores/sqlite/store.ts";
import type { Store } from "../../../src/server/stores/store.ts";

const RELEASE = join(import.meta.dirname, "../../fixtures/release-0.1.0");
const EXPORTED = readFileSync(join(RELEASE, "export.jsonl"), "utf8").trim().split("\n");

let path: string;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "release-"));
  path = join(folder, "kosync.sqlite");
  copyFileSync(join(RELEASE, "server/kosync.sqlite"), path);
  return () => rmSync(folder, { recursive: true, force: true });
});

async function exported(store: Store): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of formatExport(store.exportLines())) lines.push(line.trim());
  return lines.toSorted();
}

async function* asLines(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

test("the store of 0.1.0 opens with all that it held, again and again", async () => {
  for (const _time of ["first", "second"]) {
    const store = openSqliteStore(path);
    expect(await exported(store)).toEqual(EXPORTED.toSorted());
    await store.close();
  }
});

test("a backup that 0.1.0 wrote goes into a new store, and comes out of it the same", async () => {
  const store = openSqliteStore(`${path}-new`);
  await importExport(store, createCredentials({ verbatim: false }), parseExport(asLines(EXPORTED)));
  expect(await exported(store)).toEqual(EXPORTED.toSorted());
  await store.close();
});

test("a store of a newer version is left to the byte, and that is said", async () => {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 99");
  database.close();
  const before = readFileSync(path);
  expect(() => openSqliteStore(path)).toThrow("newer version of KOReader Progress");
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("a backup of a newer version is refused as what it is, and nothing of it is taken", async () => {
  const [, ...rest] = EXPORTED;
  const newer = [JSON.stringify({ kind: "koreader-progress", version: 99, hint: "?" }), ...rest];
  const store = openSqliteStore(`${path}-new`);
  await expect(
    importExport(store, createCredentials({ verbatim: false }), parseExport(asLines(newer))),
  ).rejects.toThrow(NewerExport);
  expect(await exported(store)).toEqual([EXPORTED[0]]);
  await store.close();
});
