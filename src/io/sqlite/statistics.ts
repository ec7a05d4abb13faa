/** KOReader's `statistics.sqlite3`, as untrusted as any file: a copy that nobody else has open is read. */
import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import type { BookRow, StatisticsFile, VisitRow } from "../../app/ports.ts";
import { OddStatistics } from "../../model/reading-statistics.ts";
import type { StatisticsOddity } from "../../model/reading-statistics.ts";

/** Ten years of reading every day have some 50 MB. */
const LARGEST = 256 * 2 ** 20;
const ROWS_AT_ONCE = 5000;
/** Bytes of a title or of authors. */
const LONGEST_TEXT = 4096;

/** Of the first versions the table of visits had another name, and did not say of how many pages. */
const VISITS = [
  { table: "page_stat_data", columns: ["id_book", "page", "start_time", "duration", "total_pages"] },
  { table: "page_stat", columns: ["id_book", "page", "start_time", "period"] },
] as const;
const BOOK = ["id", "md5", "title", "authors", "last_open", "total_read_pages", "pages"];
/** What a column of such a name would hide. */
const ROW_NAMES = ["rowid", "_rowid_", "oid"];

/** Opens a database; throws OddStatistics for what is none, or one whose tables compute what they hold. */
export function openStatistics(path: string): StatisticsFile {
  demandSmall(path);
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(path, { readOnly: true, enableForeignKeyConstraints: false });
  } catch (error) {
    throw new OddStatistics("not_a_database", error);
  }
  try {
    const visits = told(() => {
      db.exec("PRAGMA trusted_schema = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA mmap_size = 0");
      demandPlainTable(db, "book", BOOK);
      const found = VISITS.find(({ table }) => isTable(db, table));
      if (found !== undefined) demandPlainTable(db, found.table, found.columns);
      return found;
    });
    return {
      books: () => told(() => booksIn(db)),
      async *visits() {
        let after = Number.MIN_SAFE_INTEGER;
        for (;;) {
          const rows = visits === undefined ? [] : told(() => visitsAfter(db, visits, after));
          if (rows.length > 0) yield rows;
          if (rows.length < ROWS_AT_ONCE) return;
          after = rows.at(-1)?.row ?? after;
          await setImmediate();
        }
      },
      close: () => db.close(),
    };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Whatever SQLite finds wrong while it reads is wrong with the file. */
function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof OddStatistics ? error : new OddStatistics("not_a_database", error);
  }
}

function demandSmall(path: string): void {
  try {
    const sizes = [path, `${path}-wal`].map((each) => statSync(each, { throwIfNoEntry: false })?.size);
    if (sizes[0] === undefined) throw new OddStatistics("unreadable");
    if (sizes.some((size) => size !== undefined && size > LARGEST)) throw new OddStatistics("too_large");
  } catch (error) {
    throw error instanceof OddStatistics ? error : new OddStatistics("unreadable", error);
  }
}

function isTable(db: DatabaseSync, table: string): boolean {
  const row = db.prepare("SELECT type, rootpage FROM sqlite_master WHERE name = ?").get(table);
  return row !== undefined && row["type"] === "table" && Number(row["rootpage"]) > 0;
}

/**
 * Only a table's stored columns: a view, a virtual table or a generated column computes what it likes, without end; and a
 * tree whose pages are met twice would have no end either, which a quick check finds in time that its size bounds.
 */
function demandPlainTable(db: DatabaseSync, table: string, columns: readonly string[]): void {
  const there = db.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table);
  if (there === undefined) throw new OddStatistics("no_book_table");
  if (!isTable(db, table)) throw new OddStatistics("no_plain_table");
  const known = new Map(
    db
      .prepare(`PRAGMA table_xinfo('${table}')`)
      .all()
      .map(({ name, hidden }) => [String(name), Number(hidden)]),
  );
  if (ROW_NAMES.some((name) => known.has(name)) || [...known.values()].some((hidden) => hidden !== 0)) {
    throw new OddStatistics("no_plain_table");
  }
  if (!columns.every((name) => known.has(name))) throw new OddStatistics("no_book_table");
  const checked = db.prepare(`PRAGMA quick_check('${table}')`).get();
  if (checked === undefined || Object.values(checked)[0] !== "ok") throw new OddStatistics("not_a_database");
}

/** A number that JavaScript knows exactly, else null; node:sqlite throws at a larger one. */
const number = (name: string): string =>
  `CASE WHEN typeof(${name}) IN ('integer', 'real') AND ${name} BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER} ` +
  `THEN ${name} END AS ${name}`;
const text = (name: string): string =>
  `typeof(${name}) AS ${name}_type, substr(CAST(${name} AS BLOB), 1, ${LONGEST_TEXT}) AS ${name}`;

/** A hundred thousand rows at most: nobody has opened more. */
function booksIn(db: DatabaseSync): BookRow[] {
  const wanted = [
    ...["md5", "title", "authors"].map(text),
    ...["id", "last_open", "total_read_pages", "pages"].map(number),
  ];
  const rows = db.prepare(`SELECT ${wanted.join(", ")} FROM book NOT INDEXED ORDER BY rowid LIMIT 100000`).all();
  return rows.map((row) => ({
    id: numberIn(row["id"]),
    digest: textIn(row["md5"], row["md5_type"]),
    title: textIn(row["title"], row["title_type"]),
    authors: textIn(row["authors"], row["authors_type"]),
    last_open: numberIn(row["last_open"]),
    read: numberIn(row["total_read_pages"]),
    pages: numberIn(row["pages"]),
  }));
}

function visitsAfter(db: DatabaseSync, { table, columns }: (typeof VISITS)[number], after: number): VisitRow[] {
  const names = columns.map(number).join(", ");
  const rows = db
    .prepare(`SELECT rowid AS row, ${names} FROM ${table} NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT ?`)
    .all(after, ROWS_AT_ONCE);
  return rows.map((row) => ({
    row: Number(row["row"]),
    id_book: numberIn(row["id_book"]),
    page: numberIn(row["page"]),
    start: numberIn(row["start_time"]),
    duration: numberIn(row["duration"] ?? row["period"]),
    total_pages: numberIn(row["total_pages"]) ?? 0,
  }));
}

function numberIn(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

/** A text as far as it can be read; `odd` says what is wrong with it. */
function textIn(value: unknown, type: unknown): { text: string | null; odd: StatisticsOddity | null } {
  if (type === "blob") return { text: null, odd: "blob_for_text" };
  if (!(value instanceof Uint8Array)) return { text: null, odd: null };
  // Old PDFs end their titles with a NUL.
  const bytes = value.filter((byte) => byte !== 0);
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), odd: null };
  } catch {
    // Cut in the middle of a character, by us, it is whole but for that one.
    const isCut = value.length === LONGEST_TEXT && isUtf8UpToItsEnd(bytes);
    return { text: new TextDecoder().decode(bytes), odd: isCut ? null : "text_not_utf8" };
  }
}

function isUtf8UpToItsEnd(bytes: Uint8Array): boolean {
  return [1, 2, 3].some((cut) => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, -cut));
      return true;
    } catch {
      return false;
    }
  });
}
