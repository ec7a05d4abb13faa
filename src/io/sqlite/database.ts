import { realpathSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { SQLInputValue, StatementSync } from "node:sqlite";
import { createCheckpointer } from "./checkpointer.ts";
import { createGroupCommit } from "./group-commit.ts";

export type { SQLInputValue } from "node:sqlite";

export type SqlRow = Record<string, unknown>;

/** A SQLite database whose writes are gathered into durable transactions, many requests to one sync of the disk. */
export interface Database {
  prepare(sql: string): StatementSync;
  exec(sql: string): void;
  /** Runs `work`, which only reads; all reads of one turn of the event loop share one snapshot, and the cost of taking it. */
  read<T>(work: () => T): T;
  /** As `read`, at the end of this turn: answers that leave together wake the other side of their sockets less often. */
  readSoon<T>(work: () => T): Promise<T>;
  /**
   * Queues `work` and resolves with its result once the transaction it ran in is on the disk. When another piece of the
   * same transaction throws, `work` is run again without that one: it must do nothing but talk to this database.
   */
  write<T>(work: () => T): Promise<T>;
  /**
   * Inside `write`: what its work has learned holds as long as this stands, unless the work itself changes it. It stands
   * until another connection has written or work of ours was undone.
   */
  edition(): number;
  /** Why no write is taken any more: the disk has failed. Null as long as all is well. */
  failure(): Error | null;
  /** Flushes what is queued, then closes. */
  close(): Promise<void>;
}

/** Where the checkpointer does not keep up, the writing connection helps. */
const LATE_CHECKPOINT_PAGES = 64_000;
const CHECKPOINT_PAGES = 16_000;
const MAPPED_BYTES = 1024 ** 3;
const IDLE_MS = 2000;

/**
 * Opens a database file (or ":memory:"): WAL, and every resolved write as durable as with `synchronous=FULL`. FULL would
 * stop the event loop for each sync of the WAL; here the commit only writes (NORMAL), the sync of the WAL runs beside the
 * event loop, and whoever waits for the commit is told after it. Writes that come meanwhile share the next one.
 */
export function openDatabase(path: string): Database {
  const db = new DatabaseSync(path);
  db.exec("PRAGMA busy_timeout = 5000");
  // A commit writes whole pages, and a position is a small part of one. A file keeps the size that it was made with.
  db.exec("PRAGMA page_size = 2048");
  db.exec("PRAGMA journal_mode = WAL");
  db.exec(`PRAGMA wal_autocheckpoint = ${LATE_CHECKPOINT_PAGES}`);
  db.exec("PRAGMA cache_size = -32768");
  // What does not fit there is read through the system's own cache, without a call for each page.
  db.exec(`PRAGMA mmap_size = ${MAPPED_BYTES}`);
  db.exec("PRAGMA synchronous = NORMAL");
  db.exec("PRAGMA foreign_keys = ON");
  const beginReading = db.prepare("BEGIN");
  const endSnapshot = db.prepare("COMMIT");
  const dropSnapshot = db.prepare("ROLLBACK");
  const isFile = path !== ":memory:" && path !== "";
  // SQLite keeps the WAL beside the file itself, not beside a link to it.
  const file = isFile ? realpathSync(path) : null;
  const checkpointer =
    file !== null
      ? createCheckpointer(file, checkpoint, () => db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`))
      : null;
  const commits = createGroupCommit(db, {
    path: file,
    schedule,
    wrote: (count) => checkpointer?.wrote(count),
  });
  let readers: (() => void)[] = [];
  let idleTimer: NodeJS.Timeout | null = null;
  let isOpen = true;
  let isReading = false;
  let isScheduled = false;

  function endReading(): void {
    if (!isReading) return;
    isReading = false;
    try {
      endSnapshot.run();
    } catch {
      // Whoever read in a damaged file was told; nothing was written that could be lost here.
      if (db.isTransaction) dropSnapshot.run();
    }
  }

  function startReading(): void {
    if (isReading || !isOpen) return;
    beginReading.run();
    isReading = true;
    schedule();
  }

  function checkpoint(): void {
    if (!isOpen) return;
    try {
      endReading();
      db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    } catch {
      // Nobody waits for it: whoever writes next is told what is wrong.
    }
  }

  /** Moves the WAL into the database once no more writes come. */
  function expectIdleness(): void {
    if (idleTimer !== null) {
      idleTimer.refresh();
      return;
    }
    idleTimer = setTimeout(() => {
      if (!isReading && commits.isIdle()) checkpoint();
    }, IDLE_MS);
    idleTimer.unref();
  }

  function answerReaders(): void {
    const waiting = readers;
    readers = [];
    if (waiting.length === 0) return;
    try {
      startReading();
    } catch {
      // Each reader meets the same trouble by itself and is told.
    }
    for (const answer of waiting) answer();
  }

  function turn(): void {
    isScheduled = false;
    answerReaders();
    endReading();
    if (isFile && !commits.isIdle()) expectIdleness();
    if (commits.turn()) schedule();
  }

  /** After the poll phase every request of this turn has been read. */
  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(turn);
  }

  return {
    prepare: (sql) => db.prepare(sql),
    exec: (sql) => db.exec(sql),
    read(work) {
      startReading();
      return work();
    },
    readSoon<T>(work: () => T): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        readers.push(() => {
          try {
            resolve(work());
          } catch (error) {
            reject(error);
          }
        });
        schedule();
      });
    },
    write: (work) => commits.write(work),
    edition: () => commits.edition(),
    failure: () => commits.failure(),
    async close() {
      if (!isOpen) return;
      isOpen = false;
      if (idleTimer !== null) clearTimeout(idleTimer);
      endReading();
      await commits.close();
      await checkpointer?.stop();
      db.close();
      checkpointer?.release();
    },
  };
}

/** Text on its way into a column. Deno and older Nodes read a TEXT only up to its first NUL, so such text goes in as bytes. */
export function toSqlText(text: string): SQLInputValue {
  return text.includes("\0") ? Buffer.from(text, "utf8") : text;
}

/** `toSqlText` for a column that may be null. */
export function toSqlTextOrNull(text: string | null | undefined): SQLInputValue {
  return text === null || text === undefined ? null : toSqlText(text);
}

/** The way back from `toSqlText`; anything but text or bytes is a fault of the database. */
export function fromSqlText(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  throw new TypeError(`Expected text in the database, found ${typeof value}.`);
}
