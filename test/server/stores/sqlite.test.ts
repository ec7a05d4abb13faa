import fs, { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test, vi } from "vitest";
import { openDatabase } from "../../../src/io/sqlite/database.ts";
import { openSqliteStore } from "../../../src/server/stores/sqlite/store.ts";
import { collect, listed } from "../support/stores.ts";
import { HISTORY_LENGTH } from "../../../src/server/stores/store.ts";

const undo: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const step of undo.splice(0).toReversed()) step();
});

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "kosync-"));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "kosync.sqlite");
}

function failToSync(_file: number, done: (error: Error) => void): void {
  setImmediate(done, new Error("EIO"));
}

function position(document: string, progress: string) {
  const rest = { device_id: null, timestamp: 1, metadata: null, identifiers: null };
  return { document, percentage: 0.5, progress, device: "Kobo", ...rest };
}

test("a write that fails takes none of those that shared its transaction with it", async () => {
  const db = openDatabase(newFile());
  db.exec("CREATE TABLE numbers (n INTEGER UNIQUE)");
  const insert = db.prepare("INSERT INTO numbers VALUES (?)");
  const results = await Promise.allSettled([1, 2, 1, 3].map((n) => db.write(() => insert.run(n).changes)));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(
    db
      .prepare("SELECT n FROM numbers ORDER BY n")
      .all()
      .map((row) => row["n"]),
  ).toEqual([1, 2, 3]);
  await db.close();
  await expect(db.write(() => 1)).rejects.toThrow("closed");
});

test("a file that another process keeps locked refuses all that waits at once, and is written again afterwards", async () => {
  const path = newFile();
  const db = openDatabase(path);
  db.exec("CREATE TABLE numbers (n INTEGER)");
  db.exec("PRAGMA busy_timeout = 1000");
  const insert = db.prepare("INSERT INTO numbers VALUES (?)");
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  let runs = 0;
  const write = (n: number): Promise<unknown> =>
    db.write(() => {
      runs += 1;
      return insert.run(n).changes;
    });
  // One wait for the lock, not a hundred: they would take longer than this test may.
  const results = await Promise.allSettled(Array.from({ length: 100 }, (_, n) => write(n)));
  expect(runs).toBe(0);
  for (const result of results) expect(result).toMatchObject({ status: "rejected", reason: { errcode: 5 } });
  other.exec("ROLLBACK");
  other.close();
  expect(await write(1)).toBe(1);
  await db.close();
});

test("a disk that failed to sync once is not trusted until the file is opened anew", async () => {
  const path = newFile();
  const store = openSqliteStore(path);
  await store.createUser("ann", "k");
  await store.check();
  const sync = fs.fdatasync;
  undo.push(() => {
    fs.fdatasync = sync;
    syncBuiltinESMExports();
  });
  // No disk fails when it is asked to: this one call does.
  fs.fdatasync = Object.assign(failToSync, { __promisify__: sync.__promisify__ });
  syncBuiltinESMExports();
  await expect(store.write("ann", "k", position("a", "1"))).rejects.toThrow("EIO");
  fs.fdatasync = sync;
  syncBuiltinESMExports();
  await expect(store.write("ann", "k", position("a", "2"))).rejects.toThrow("EIO");
  await expect(store.check()).rejects.toThrow("EIO");
  await store.close();
  const again = openSqliteStore(path);
  expect(await again.write("ann", "k", position("a", "3"))).toMatchObject({ status: "written" });
  await again.close();
});

test("closing finishes what was asked for before", async () => {
  const path = newFile();
  const db = openDatabase(path);
  db.exec("CREATE TABLE numbers (n INTEGER)");
  const insert = db.prepare("INSERT INTO numbers VALUES (?)");
  const written = [1, 2, 3].map((n) => db.write(() => insert.run(n)));
  await db.close();
  await Promise.all(written);
  const again = new DatabaseSync(path);
  expect(again.prepare("SELECT count(*) AS count FROM numbers").get()).toEqual({ count: 3 });
  again.close();
});

test("reads of one turn share a snapshot, and see what was written before them", async () => {
  const db = openDatabase(newFile());
  db.exec("CREATE TABLE numbers (n INTEGER)");
  const count = db.prepare("SELECT count(*) AS count FROM numbers");
  const insert = db.prepare("INSERT INTO numbers VALUES (1)");
  expect(db.read(() => count.get())).toEqual({ count: 0 });
  await db.write(() => insert.run());
  expect(await db.readSoon(() => count.get())).toEqual({ count: 1 });
  await expect(db.readSoon(() => JSON.parse("{"))).rejects.toThrow(SyntaxError);
  await db.close();
});

test("a file of a later version is left alone", () => {
  const path = newFile();
  const later = new DatabaseSync(path);
  later.exec("PRAGMA user_version = 99");
  later.close();
  expect(() => openSqliteStore(path)).toThrow("newer version");
});

test("another process may use the file at the same time", async () => {
  const path = newFile();
  const [one, two] = [openSqliteStore(path), openSqliteStore(path)];
  await one.createUser("ann", "k");
  expect(await two.credentialOf("ann")).toBe("k");
  // Now one of them remembers whose account that is.
  expect(await one.write("ann", "k", position("a", "1"))).toMatchObject({ status: "written" });
  expect(await two.replaceCredential("ann", "k", "k2")).toBe(true);
  expect(await one.write("ann", "k", position("a", "2"))).toEqual({ status: "unauthorized" });
  // Both append to the history of the same document.
  for (const [page, store] of [one, two, one, two].entries()) {
    expect(await store.write("ann", "k2", position("a", `${page + 3}`))).toMatchObject({ status: "written" });
  }
  expect((await two.history("ann", "a")).map(({ progress }) => progress)).toEqual(["6", "5", "4", "3", "1"]);
  expect(await two.deleteUser("ann", "k2")).toBe(true);
  expect(await one.write("ann", "k2", position("a", "7"))).toEqual({ status: "unauthorized" });
  await Promise.all([one.close(), two.close()]);
});

test("within one transaction, too, a write sees what became of its account just before", async () => {
  const store = openSqliteStore(newFile());
  await store.createUser("ann", "k");
  const outcomes = await Promise.all([
    store.write("ann", "k", position("a", "1")),
    store.replaceCredential("ann", "k", "k2"),
    store.write("ann", "k", position("a", "2")),
    store.write("ann", "k2", position("a", "3")),
    store.deleteUser("ann", "k2"),
    store.write("ann", "k2", position("a", "4")),
    store.createUser("ann", "k3"),
    store.write("ann", "k3", position("a", "5")),
  ]);
  const written = { status: "written", document: "a", match: null };
  const unauthorized = { status: "unauthorized" };
  expect(outcomes).toEqual([written, true, unauthorized, written, true, unauthorized, true, written]);
  expect((await store.history("ann", "a")).map(({ progress }) => progress)).toEqual(["5"]);
  await store.close();
});

test("positions that are too old leave the file, and no others", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const path = newFile();
  const store = openSqliteStore(path);
  await store.createUser("ann", "k");
  await store.write("ann", "k", position("short", "1"));
  await store.write("ann", "k", position("short", "2"));
  const writes = 2000;
  for (let page = 0; page <= writes; page++) await store.write("ann", "k", position("long", String(page)));
  vi.advanceTimersByTime(1000);
  // Shortening is queued behind nothing else: once this is answered it is done.
  for (let turn = 0; turn < 5; turn++) await store.write("ann", "k", position("other", "1"));
  const db = new DatabaseSync(path);
  const rows = Number(db.prepare("SELECT count(*) AS count FROM history").get()?.["count"]);
  db.close();
  expect(rows).toBeLessThan(2 * HISTORY_LENGTH);
  expect(await store.history("ann", "long")).toHaveLength(HISTORY_LENGTH);
  expect((await store.history("ann", "long")).at(-1)?.progress).toBe(String(writes + 1 - HISTORY_LENGTH));
  expect(await store.history("ann", "short")).toHaveLength(2);
  await store.close();
});

test("a file of the first version is read on, and its positions remembered as before", async () => {
  const path = newFile();
  const first = openSqliteStore(path);
  await first.createUser("ann", "k");
  for (const page of ["1", "2", "3"]) await first.write("ann", "k", position("a", page));
  await first.close();
  // What the second version added.
  const old = new DatabaseSync(path);
  old.exec("DROP TRIGGER remember; DROP TRIGGER note_overlong; DROP TABLE overlong; PRAGMA user_version = 1");
  old.close();
  const store = openSqliteStore(path);
  await store.write("ann", "k", position("a", "4"));
  expect((await store.history("ann", "a")).map(({ progress }) => progress)).toEqual(["4", "3", "2", "1"]);
  await store.close();
});

test.each([
  [
    "of the first version",
    "DROP TRIGGER remember; DROP TRIGGER note_overlong; DROP TABLE overlong; PRAGMA user_version = 1",
  ],
  [
    "that kept longer histories",
    `DROP TRIGGER note_overlong; DELETE FROM overlong;
     CREATE TRIGGER note_overlong AFTER UPDATE OF writes ON documents WHEN NEW.writes % 1000 = 0 BEGIN
       INSERT OR IGNORE INTO overlong VALUES (NEW.id);
     END`,
  ],
])("a file %s is shortened though nobody writes its books again, and later books as ever", async (_what, sql) => {
  const path = newFile();
  const rows = (document: string): number => {
    const db = new DatabaseSync(path);
    const count =
      "SELECT count(*) AS count FROM history WHERE document_id IN (SELECT id FROM documents WHERE document = ?)";
    const found = Number(db.prepare(count).get(document)?.["count"]);
    db.close();
    return found;
  };
  const writeMany = async (document: string, writes: number): Promise<void> => {
    for (let page = 1; page <= writes; page++) await store.write("ann", "k", position(document, String(page)));
  };
  const triggers = (): unknown[] => {
    const db = new DatabaseSync(path);
    const found = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name").all();
    db.close();
    return found;
  };
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  let store = openSqliteStore(path);
  const made = triggers();
  await store.createUser("ann", "k");
  await writeMany("long", 3 * HISTORY_LENGTH - 1);
  await writeMany("full", HISTORY_LENGTH);
  await store.close();
  expect(rows("long")).toBe(3 * HISTORY_LENGTH - 2);
  const old = new DatabaseSync(path);
  old.exec(sql);
  old.close();
  store = openSqliteStore(path);
  expect(triggers()).toEqual(made);
  vi.advanceTimersByTime(1000);
  await writeMany("other", 2 * HISTORY_LENGTH + 1);
  expect(rows("long")).toBe(HISTORY_LENGTH - 1);
  expect((await store.history("ann", "long")).at(-1)?.progress).toBe(String(2 * HISTORY_LENGTH));
  expect(rows("full")).toBe(HISTORY_LENGTH - 1);
  vi.advanceTimersByTime(1000);
  await writeMany("short", 5);
  expect(rows("other")).toBeLessThan(HISTORY_LENGTH + 1);
  await store.close();
});

test("opening a file that is as it should be writes nothing", async () => {
  const path = newFile();
  await openSqliteStore(path).close();
  const before = readFileSync(path);
  const store = openSqliteStore(path);
  expect(existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0).toBe(0);
  await store.close();
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("a long listing lets others have their turn, and still finds everything", async () => {
  const store = openSqliteStore(newFile());
  await store.createUser("ann", "k");
  await Promise.all(Array.from({ length: 4500 }, (_, index) => store.write("ann", "k", position(`d${index}`, "1"))));
  const order: string[] = [];
  const listing = listed(store, "ann").then((records) => {
    order.push("list");
    return records;
  });
  await store.find("ann", ["d1"], false).then(() => order.push("find"));
  expect(await listing).toHaveLength(4500);
  expect(order).toEqual(["find", "list"]);
  await store.close();
});

test("an account of very many documents goes in slices, its name is free at once, and in the end nothing is left", async () => {
  const path = newFile();
  const store = openSqliteStore(path);
  const count = (table: string): unknown => {
    const db = new DatabaseSync(path);
    const row = db.prepare(`SELECT count(*) AS count FROM ${table}`).get();
    db.close();
    return row?.["count"];
  };
  await store.createUser("ann", "k");
  await store.startSession("ann", "id", 2000, 1000);
  for (const progress of ["1", "2", "3"]) {
    await Promise.all(
      Array.from({ length: 300 }, (_, index) => store.write("ann", "k", position(`d${index}`, progress))),
    );
  }
  expect(await store.deleteUser("ann", "k")).toBe(true);
  expect(count("documents")).toBe(300);
  expect(await store.createUser("ann", "other")).toBe(true);
  expect(await store.hasSession("ann", "id", 1000)).toBe(false);
  expect(await listed(store, "ann")).toEqual([]);
  await store.write("ann", "other", position("mine", "1"));
  expect(await collect(store.usernames())).toEqual(["ann"]);
  expect((await collect(store.exportLines())).map(({ kind }) => kind)).toEqual(["user", "document"]);
  await vi.waitFor(() => expect(count("users")).toBe(1), { timeout: 30_000, interval: 200 });
  expect([count("documents"), count("history"), count("usage")]).toEqual([1, 0, 1]);
  await store.close();
});

test("what an account fills is counted anew when a file was written without the counting", async () => {
  const path = newFile();
  const first = openSqliteStore(path);
  await first.createUser("ann", "k");
  for (const progress of ["1", "22"]) await first.write("ann", "k", position("a", progress));
  await first.close();
  const db = new DatabaseSync(path);
  const usage = (): unknown => db.prepare("SELECT documents, bytes FROM usage").get();
  const counted = usage();
  db.exec("UPDATE usage SET documents = 77, bytes = 77; DROP TRIGGER count_inserted");
  await openSqliteStore(path).close();
  expect(usage()).toEqual(counted);
  db.close();
});
