import { DatabaseSync } from "node:sqlite";
import type { SQLInputValue, StatementSync } from "node:sqlite";

export type { SQLInputValue } from "node:sqlite";

export type SqlRow = Record<string, unknown>;

/** A SQLite database whose writes are gathered into one durable transaction per turn of the event loop. */
export interface Database {
  prepare(sql: string): StatementSync;
  exec(sql: string): void;
  /**
   * Queues `work` and resolves with its result once the transaction it ran in is on the disk. When another piece of the
   * same transaction throws, `work` is run again in one of its own: it must do nothing but talk to this database.
   */
  write<T>(work: () => T): Promise<T>;
  /** Flushes what is queued, then closes. */
  close(): void;
}

interface Queued {
  /** Does the work and returns what tells its result, to be called once that is on the disk. */
  readonly work: () => () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Opens a database file (or ":memory:") with WAL and `synchronous=FULL`: a write whose promise resolved survives a power cut.
 * Measured: 20 to 54 thousand durable upserts a second gathered like this, 2 to 5 thousand one at a time.
 */
export function openDatabase(path: string): Database {
  const db = new DatabaseSync(path);
  db.exec("PRAGMA busy_timeout = 5000");
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("PRAGMA synchronous = FULL");
  db.exec("PRAGMA foreign_keys = ON");
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const rollback = db.prepare("ROLLBACK");
  let queue: Queued[] = [];
  let isOpen = true;

  function transact(pieces: readonly Queued[]): (() => void)[] {
    begin.run();
    try {
      const tells = pieces.map(({ work }) => work());
      commit.run();
      return tells;
    } catch (error) {
      try {
        rollback.run();
      } catch {
        // Some failures (a full disk) have rolled back by themselves.
      }
      throw error;
    }
  }

  function flush(): void {
    const pieces = queue;
    queue = [];
    if (pieces.length === 0) return;
    try {
      for (const tell of transact(pieces)) tell();
    } catch (error) {
      const [only] = pieces;
      if (pieces.length === 1 && only !== undefined) {
        only.reject(error);
        return;
      }
      // One bad piece must not take the others with it.
      for (const piece of pieces) {
        try {
          for (const tell of transact([piece])) tell();
        } catch (error) {
          piece.reject(error);
        }
      }
    }
  }

  return {
    prepare: (sql) => db.prepare(sql),
    exec: (sql) => db.exec(sql),
    write<T>(work: () => T): Promise<T> {
      if (!isOpen) return Promise.reject(new Error("The database is closed."));
      return new Promise<T>((resolve, reject) => {
        // After the poll phase every request of this turn has been read: their writes share one sync of the disk.
        if (queue.length === 0) setImmediate(flush);
        const tellLater = (): (() => void) => {
          const result = work();
          return () => resolve(result);
        };
        queue.push({ work: tellLater, reject });
      });
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      flush();
      db.close();
    },
  };
}

/** Text on its way into a column. Deno and older Nodes read a TEXT only up to its first NUL, so such text goes in as bytes. */
export function toSqlText(text: string): SQLInputValue {
  return text.includes("\0") ? Buffer.from(text, "utf8") : text;
}

/** The way back from `toSqlText`; anything but text or bytes is a fault of the database. */
export function fromSqlText(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  throw new TypeError(`Expected text in the database, found ${typeof value}.`);
}

/** `toSqlText` for a column that may be null. */
export function toSqlTextOrNull(text: string | null | undefined): SQLInputValue {
  return text === null || text === undefined ? null : toSqlText(text);
}
