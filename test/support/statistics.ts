/** Makes databases as KOReader's statistics are, of each of their versions. */
import { DatabaseSync } from "node:sqlite";

export interface ReadBook {
  readonly md5: string;
  readonly title?: string;
  readonly authors?: string;
  readonly last_open?: number;
  readonly pages?: number;
  /** page, start_time, duration, total_pages */
  readonly visits?: readonly (readonly [number, number, number, number])[];
}

const BOOK =
  "CREATE TABLE book (id integer PRIMARY KEY autoincrement, title text, authors text, notes integer, last_open integer, " +
  "highlights integer, pages integer, series text, language text, md5 text, total_read_time integer, total_read_pages integer)";
const VISITS =
  "CREATE TABLE page_stat_data (id_book integer, page integer NOT NULL DEFAULT 0, start_time integer NOT NULL DEFAULT 0, " +
  "duration integer NOT NULL DEFAULT 0, total_pages integer NOT NULL DEFAULT 0, UNIQUE (id_book, page, start_time), " +
  "FOREIGN KEY(id_book) REFERENCES book(id))";
const FIRST_VISITS =
  "CREATE TABLE page_stat (id_book integer, page integer, start_time integer, period integer, UNIQUE (page, start_time))";
const VIEW = "CREATE VIEW page_stat AS SELECT id_book, page, start_time, duration FROM page_stat_data";

/** A database at `path`; `first` makes one of the first version. Left open, in WAL, where it is asked for. */
export function makeStatistics(path: string, books: readonly ReadBook[], { first = false } = {}): void {
  const db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode = WAL");
  db.exec(BOOK);
  db.exec(first ? FIRST_VISITS : VISITS);
  if (!first) db.exec(`${VIEW}; PRAGMA user_version = 20221111`);
  const addBook = db.prepare(
    "INSERT INTO book (title, authors, last_open, pages, md5, total_read_time, total_read_pages) VALUES (?, ?, ?, ?, ?, 0, ?)",
  );
  const addVisit = db.prepare(
    first ? "INSERT INTO page_stat VALUES (?, ?, ?, ?)" : "INSERT INTO page_stat_data VALUES (?, ?, ?, ?, ?)",
  );
  db.exec("BEGIN");
  for (const { md5, title = "T", authors = "A", last_open = 1_700_000_000, pages = 200, visits = [] } of books) {
    const read = new Set(visits.map(([page]) => page)).size;
    const { lastInsertRowid } = addBook.run(title, authors, last_open, pages, md5, read);
    for (const [page, start, duration, total] of visits) {
      const row = [lastInsertRowid, page, start, duration];
      addVisit.run(...(first ? row : [...row, total]));
    }
  }
  db.exec("COMMIT");
  db.close();
}
