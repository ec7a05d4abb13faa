/** What servers last said, and digests of library files: one SQLite file that may be deleted at any time. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ServerCache } from "../../app/ports.ts";
import type { LastWord } from "../../model/last-word.ts";
import { openDatabase, type Database, type SqlRow } from "./database.ts";

/** A file of any other number is thrown away: whatever it holds can be learned again. */
const SCHEMA_VERSION = 3;
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS file_digest (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime REAL NOT NULL, partial_md5 TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS word (
    account_id TEXT NOT NULL, document TEXT NOT NULL, asked REAL NOT NULL, times INTEGER NOT NULL, read_at REAL,
    PRIMARY KEY (account_id, document)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS spent (
    account_id TEXT PRIMARY KEY, day INTEGER NOT NULL, questions INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS left_over (
    account_id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (account_id, document)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS pacing (
    server TEXT PRIMARY KEY, at_once INTEGER NOT NULL, apart_ms REAL NOT NULL
  ) WITHOUT ROWID;
`;

const FILE_NAME = "koreader-progress.sqlite";

/** Opens the cache in this folder; a damaged one, or one of another schema, is thrown away. */
export function openServerCache(folder: string): ServerCache {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, FILE_NAME);
  try {
    return cacheOn(prepared(path));
  } catch {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    return cacheOn(prepared(path));
  }
}

function prepared(path: string): Database {
  const database = openDatabase(path);
  try {
    const version = database.prepare("PRAGMA user_version").get()?.["user_version"];
    const isNew = database.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
    if (version !== SCHEMA_VERSION && !isNew) throw new Error(`A cache of schema ${String(version)}.`);
    database.exec(SCHEMA);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    return database;
  } catch (error) {
    // Not left open: what is open cannot be thrown away everywhere.
    void database.close().catch(() => {});
    throw error;
  }
}

function cacheOn(database: Database): ServerCache {
  const readDigest = database.prepare("SELECT partial_md5 FROM file_digest WHERE path = ? AND size = ? AND mtime = ?");
  const keepDigest = database.prepare("INSERT OR REPLACE INTO file_digest VALUES (?, ?, ?, ?)");
  const readWord = database.prepare("SELECT asked, times, read_at FROM word WHERE account_id = ? AND document = ?");
  const keepWord = database.prepare("INSERT OR REPLACE INTO word VALUES (?, ?, ?, ?, ?)");
  const forgetWord = database.prepare("DELETE FROM word WHERE account_id = ? AND document = ?");
  const readSpent = database.prepare("SELECT questions FROM spent WHERE account_id = ? AND day = ?");
  const spend = database.prepare(
    `INSERT INTO spent VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET
       questions = CASE WHEN day = excluded.day THEN questions ELSE 0 END + excluded.questions, day = excluded.day`,
  );
  const readLeft = database.prepare("SELECT document FROM left_over WHERE account_id = ?");
  const dropLeft = database.prepare("DELETE FROM left_over WHERE account_id = ?");
  const keepLeft = database.prepare("INSERT OR IGNORE INTO left_over VALUES (?, ?)");
  const readPacing = database.prepare("SELECT at_once, apart_ms FROM pacing WHERE server = ?");
  const keepPacing = database.prepare("INSERT OR REPLACE INTO pacing VALUES (?, ?, ?)");
  // Losing a line of a cache costs one question: nobody waits for these writes, and a failed one is no failure.
  const later = (work: () => void): void => void database.write(work).catch(() => {});
  // What is on its way to the disk is known already: the next question must not be asked on yesterday's word.
  const fresh = new Map<string, LastWord | null>();
  const unsaved = new Map<string, number>();
  const wordOf = (account_id: string, document: string): LastWord | null => {
    const known = fresh.get(keyOf(account_id, document));
    if (known !== undefined) return known;
    const row = readOrNothing(readWord, account_id, document);
    if (row === undefined) return null;
    const read_at = row["read_at"] === null ? null : Number(row["read_at"]);
    return { asked: Number(row["asked"]), times: Number(row["times"]), read_at };
  };
  const changeWord = (account_id: string, document: string, word: LastWord | null, work: () => void): void => {
    const key = keyOf(account_id, document);
    fresh.set(key, word);
    const forget = (): void => {
      if (fresh.get(key) === word) fresh.delete(key);
    };
    void database.write(work).then(forget, forget);
  };
  return {
    fileDigest: (path, size, mtime) => text(readOrNothing(readDigest, path, size, mtime), "partial_md5"),
    keepFileDigest: (path, size, mtime, partial_md5) =>
      later(() => void keepDigest.run(path, size, mtime, partial_md5)),
    word: wordOf,
    keepWord(account_id, document, word) {
      const { asked, times, read_at } = word;
      changeWord(account_id, document, word, () => void keepWord.run(account_id, document, asked, times, read_at));
    },
    forgetWord(account_id, document) {
      if (wordOf(account_id, document) === null) return;
      changeWord(account_id, document, null, () => void forgetWord.run(account_id, document));
    },
    left(account_id) {
      try {
        return new Set(readLeft.all(account_id).map((row) => String(row["document"])));
      } catch {
        return new Set();
      }
    },
    keepLeft(account_id, documents) {
      later(() => {
        dropLeft.run(account_id);
        for (const document of documents) keepLeft.run(account_id, document);
      });
    },
    pacing(server) {
      const row = readOrNothing(readPacing, server);
      return row === undefined ? null : { at_once: Number(row["at_once"]), apart_ms: Number(row["apart_ms"]) };
    },
    keepPacing: (server, { at_once, apart_ms }) => later(() => void keepPacing.run(server, at_once, apart_ms)),
    spent(account_id, day) {
      const saved = Number(readOrNothing(readSpent, account_id, day)?.["questions"] ?? 0);
      return saved + (unsaved.get(keyOf(account_id, String(day))) ?? 0);
    },
    spend(account_id, day, questions) {
      const key = keyOf(account_id, String(day));
      const count = (more: number): void => void unsaved.set(key, (unsaved.get(key) ?? 0) + more);
      count(questions);
      const forget = (): void => count(-questions);
      void database.write(() => void spend.run(account_id, day, questions)).then(forget, forget);
    },
    close: async () => database.close(),
  };
}

/** A row, or nothing where the file is damaged or gone: forgetting costs a question, failing would cost the sync. */
function readOrNothing(query: ReturnType<Database["prepare"]>, ...values: (string | number)[]): SqlRow | undefined {
  try {
    return query.get(...values);
  } catch {
    return undefined;
  }
}

function text(row: SqlRow | undefined, column: string): string | null {
  const value = row?.[column];
  return typeof value === "string" ? value : null;
}

function keyOf(account_id: string, document: string): string {
  return `${account_id}\n${document}`;
}
