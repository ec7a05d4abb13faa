/** KOReader's statistics through a real SQLite: those it has written, and those that somebody else has. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readStatistics } from "../../src/app/read-statistics.ts";
import { openStatistics } from "../../src/io/sqlite/statistics.ts";
import type { ReadingStatistics } from "../../src/model/reading-statistics.ts";
import { makeStatistics } from "../support/statistics.ts";

const [A, B] = ["a".repeat(32), "b".repeat(32)];
const BEGAN = Date.UTC(2026, 4, 1, 20) / 1000;
const counting = { longest: 120, time_zone: "UTC", now: Date.UTC(2026, 10, 1) / 1000 };

let folder: string;
let made = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "statistics-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const newPath = (): string => join(folder, `${(made += 1)}.sqlite3`);

function read(path: string, beside: string[] = [], signal = new AbortController().signal): Promise<ReadingStatistics> {
  return readStatistics({ path, beside, counting }, openStatistics, signal);
}

function visits(from: number, to: number, at = BEGAN): [number, number, number, number][] {
  return Array.from({ length: to - from }, (_, n) => [from + n, at + (from + n) * 60, 60, 200]);
}

/** A database of these statements alone. */
function database(...statements: string[]): string {
  const path = newPath();
  const db = new DatabaseSync(path);
  for (const statement of statements) db.exec(statement);
  db.close();
  return path;
}

const BOOK =
  "CREATE TABLE book (id integer PRIMARY KEY, title text, authors text, last_open integer, pages integer, md5 text, " +
  "total_read_pages integer)";

test("a book's hours, days and pace are told by its digest", async () => {
  const path = newPath();
  makeStatistics(path, [
    { md5: A, title: "Emma", authors: "Jane\nAusten", visits: visits(1, 101) },
    { md5: B, authors: "N/A" },
  ]);
  const { documents, odd } = await read(path);
  expect(odd).toBeNull();
  expect(documents).toEqual([
    {
      digest: A,
      title: "Emma",
      authors: ["Jane", "Austen"],
      last_open: 1_700_000_000,
      pages: 200,
      read: 100,
      read_time: 6000,
      read_on: [Date.UTC(2026, 4, 1) / 86_400_000],
      pace: 60,
      time_left: 6000,
      started: BEGAN + 60,
      last_read: BEGAN + 6060,
    },
    expect.objectContaining({ digest: B, authors: [], read_time: 0, pace: null, started: null }),
  ]);
});

test("a book whose title was edited has two rows and one time", async () => {
  const path = newPath();
  makeStatistics(path, [
    { md5: A, title: "Emma", last_open: 5, visits: visits(1, 11) },
    { md5: A, title: "Emma!", last_open: 9, visits: visits(11, 31) },
  ]);
  expect((await read(path)).documents).toEqual([expect.objectContaining({ title: "Emma!", read_time: 1800 })]);
});

test("two databases of one cloud sync are counted once", async () => {
  const [phone, kobo] = [newPath(), newPath()];
  makeStatistics(phone, [{ md5: A, visits: visits(1, 61) }]);
  makeStatistics(kobo, [{ md5: B }, { md5: A, title: "Another row", visits: [...visits(1, 41), ...visits(61, 71)] }]);
  const hours = async (path: string, beside: string[]): Promise<number | undefined> =>
    (await read(path, beside)).documents?.find(({ digest }) => digest === A)?.read_time;
  expect(await hours(phone, [kobo])).toBe(70 * 60);
  expect(await hours(kobo, [phone])).toBe(70 * 60);
  expect(await hours(kobo, [kobo, phone, join(folder, "gone")])).toBe(70 * 60);
});

test("the first version's statistics are read as well", async () => {
  const path = newPath();
  makeStatistics(path, [{ md5: A, visits: visits(1, 31) }], { first: true });
  expect((await read(path)).documents).toEqual([
    expect.objectContaining({ read_time: 1800, read_on: [expect.any(Number)], pace: null }),
  ]);
});

test("what still stands in the log beside the database is read", async () => {
  const [path, copy] = [newPath(), newPath()];
  makeStatistics(path, [{ md5: A }]);
  const db = new DatabaseSync(path);
  db.exec("PRAGMA wal_autocheckpoint = 0");
  db.exec(`UPDATE book SET md5 = '${B}'`);
  copyFileSync(path, copy);
  copyFileSync(`${path}-wal`, `${copy}-wal`);
  db.close();
  expect((await read(copy)).documents).toEqual([expect.objectContaining({ digest: B })]);
});

test("a table that computes what it holds is not looked at", async () => {
  const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
  const rows = `SELECT i id, 't' title, 'a' authors, i last_open, 1 pages, '${A}' md5, 1 total_read_pages FROM n`;
  const page = "SELECT 1 id_book, i page, i start_time, 1 duration, 1 total_pages FROM n";
  const odd = [
    database(`CREATE VIEW book AS ${endless} ${rows}`),
    database(BOOK.replace("title text", "title text AS (hex(zeroblob(90000000)))")),
    database("CREATE VIRTUAL TABLE book USING fts5(title, md5)"),
    database(BOOK.replace("title text", "rowid text, title text")),
    database(BOOK, "CREATE TABLE page_stat_data (id_book, page, start_time, duration, total_pages AS (1))"),
    database(BOOK, "CREATE VIRTUAL TABLE page_stat_data USING fts5(id_book, page)"),
  ];
  for (const path of odd.slice(0, 4)) expect(await read(path)).toEqual({ documents: null, odd: "no_plain_table" });
  expect(await read(odd[4] ?? "")).toEqual({ documents: null, odd: "no_plain_table" });
  // Without a table of visits there are none; what stands in its place is never asked.
  const view = database(
    BOOK,
    `INSERT INTO book(md5) VALUES ('${A}')`,
    `CREATE VIEW page_stat_data AS ${endless} ${page}`,
  );
  for (const path of [view]) {
    expect((await read(path)).documents).toEqual([expect.objectContaining({ digest: A, read_time: 0 })]);
  }
});

test("triggers and checks of the file's own are never run", async () => {
  const path = database(
    BOOK.replace("title text", "title text CHECK (length(hex(zeroblob(400000000))) > 0)"),
    "PRAGMA ignore_check_constraints = ON",
    `INSERT INTO book(title, md5) VALUES ('T', '${A}')`,
    "CREATE TRIGGER t AFTER INSERT ON book BEGIN DELETE FROM book; END",
  );
  expect((await read(path)).documents).toEqual([expect.objectContaining({ title: "T" })]);
});

test("what is no database, or a damaged one, says so", async () => {
  const whole = newPath();
  makeStatistics(whole, [{ md5: A, visits: visits(1, 2000) }]);
  const [cut, text, empty, circle] = [newPath(), newPath(), newPath(), newPath()];
  copyFileSync(whole, cut);
  truncateSync(cut, 12_288);
  writeFileSync(text, "no database".repeat(1000));
  writeFileSync(empty, "");
  for (const path of [cut, text]) expect(await read(path)).toEqual({ documents: null, odd: "not_a_database" });
  expect(await read(empty)).toEqual({ documents: null, odd: "no_book_table" });
  expect(await read(join(folder, "none"))).toEqual({ documents: null, odd: "unreadable" });
  expect(await read(database("CREATE TABLE notes (a)"))).toEqual({ documents: null, odd: "no_book_table" });
  // Every page of the tree of visits is one and the same: such a tree has more leaves than anybody can visit.
  writeFileSync(circle, circled(readFileSync(whole)));
  expect(await read(circle)).toEqual({ documents: null, odd: "not_a_database" });
});

/** The database with every inner page's children made the first one's. */
function circled(bytes: Buffer): Buffer {
  const size = bytes.readUInt16BE(16);
  for (let page = size; page + size <= bytes.length; page += size) {
    // An inner page of a table.
    if (bytes[page] !== 5) continue;
    const cells = bytes.readUInt16BE(page + 3);
    const first = bytes.readUInt16BE(page + 12);
    const child = bytes.readUInt32BE(page + first);
    for (let cell = 0; cell < cells; cell++) {
      bytes.writeUInt32BE(child, page + bytes.readUInt16BE(page + 12 + 2 * cell));
    }
  }
  return bytes;
}

test("an odd row costs itself alone", async () => {
  const path = newPath();
  makeStatistics(path, [{ md5: A, visits: visits(1, 11) }]);
  const db = new DatabaseSync(path);
  db.exec("PRAGMA foreign_keys = OFF");
  const rows = [
    "1, -5, 100, 60, 200",
    "1, 1.5, 100, 60, 200",
    "1, 'x', 100, 60, 200",
    "1, 1, 9223372036854775807, 60, 200",
    "1, 1, 100, 100000, 200",
    "1, 1, 101, -60, 200",
    "77, 1, 100, 60, 200",
    "NULL, 1, 100, 60, 200",
  ];
  for (const row of rows) db.exec(`INSERT INTO page_stat_data VALUES (${row})`);
  db.exec(`INSERT INTO book(title, md5, pages, last_open) VALUES (X'00', '${B}', 9e99, 9223372036854775807)`);
  db.exec("INSERT INTO book(title, md5) VALUES ('no digest', 'xyz'), ('none', NULL)");
  db.close();
  expect(await read(path)).toEqual({
    documents: [
      expect.objectContaining({ digest: A, read_time: 600 }),
      expect.objectContaining({ digest: B, title: null, pages: null, last_open: null }),
    ],
    odd: "blob_for_text",
  });
});

/** The beginning of a title that stands so in a database, and what is odd about it. */
async function told(title: string): Promise<unknown> {
  const path = database(BOOK, `INSERT INTO book(title, md5) VALUES (${title}, '${A}')`);
  const { documents, odd } = await read(path);
  return [documents?.[0]?.title?.slice(0, 5), odd];
}

test("a title that is not UTF-8 is read as far as it can be; one that ends in a NUL, or is cut by us, is no trouble", async () => {
  expect(await told("CAST(X'4BFF65' AS TEXT)")).toEqual(["K�e", "text_not_utf8"]);
  expect(await told("CAST(X'4B6500' AS TEXT)")).toEqual(["Ke", null]);
  expect(await told(`'${"x".repeat(4095)}é'`)).toEqual(["xxxxx", null]);
});

test("reading ends when it is no longer wanted", async () => {
  const path = newPath();
  makeStatistics(path, [{ md5: A, visits: visits(1, 200) }]);
  await expect(read(path, [], AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
});
