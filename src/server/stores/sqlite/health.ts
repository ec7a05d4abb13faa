import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { Database } from "../../../io/sqlite/database.ts";
import { troubleOf } from "../trouble.ts";

/** Remembers what has gone wrong with the file: nobody would be told of it otherwise until he reads or writes there himself. */
export interface SqliteHealth {
  /** Runs what only reads. */
  reading<T>(work: () => T): T;
  /** Watches a write. */
  writing<T>(work: Promise<T>): Promise<T>;
  /** Rejects while the file is damaged, its disk is full or does not sync. */
  check(): Promise<void>;
}

/** With less than this the next commit may fail again, be it that a smaller one does not. */
const ROOM_BYTES = 1024 ** 2;

/** Whether the file's disk has room, as far as the system tells. */
function hasRoom(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize >= ROOM_BYTES;
  } catch {
    return true;
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** The health of an open file. */
export function createSqliteHealth(db: Database, path: string): SqliteHealth {
  const touch = db.prepare("UPDATE settings SET value = value WHERE name = 'secret'");
  const look = db.prepare("SELECT value FROM settings WHERE name = 'secret'");
  let full: Error | null = null;
  let damaged: Error | null = null;

  function note(error: unknown): void {
    const trouble = troubleOf(error);
    if (trouble === "DiskFull") full = toError(error);
    if (trouble === "Damaged") damaged = toError(error);
  }

  function writing<T>(work: Promise<T>): Promise<T> {
    // Beside whoever waits for it, and tells of it.
    work.catch(note);
    return work;
  }

  return {
    writing,
    reading(work) {
      try {
        return work();
      } catch (error) {
        note(error);
        throw error;
      }
    },
    async check() {
      const failure = db.failure() ?? damaged;
      if (failure !== null) throw failure;
      if (full !== null) {
        if (!hasRoom(path)) throw full;
        await writing(db.write(() => touch.run()));
        full = null;
      }
      look.get();
    },
  };
}
