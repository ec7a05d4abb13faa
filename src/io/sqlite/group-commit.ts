import { closeSync, fdatasync, openSync } from "node:fs";

/** What this needs of a connection. */
interface Connection {
  prepare(sql: string): { run(): unknown; get(): Record<string, unknown> | undefined };
}

/** Gathers writes into transactions, and transactions into syncs of the disk. */
export interface GroupCommit {
  write<T>(work: () => T): Promise<T>;
  /** To be called at the end of a turn of the event loop, outside any transaction. True: call again at the end of the next. */
  turn(): boolean;
  /** Whether nothing waits for a transaction or for the disk. */
  isIdle(): boolean;
  /** Why no write is taken any more, if so. */
  failure(): Error | null;
  edition(): number;
  /** Finishes what was asked for before; nothing is taken any more. */
  close(): Promise<void>;
}

interface Piece {
  /** Does the work and returns what tells its result, to be called once that is on the disk. */
  readonly work: () => () => void;
  readonly reject: (error: unknown) => void;
}

/** A piece whose transaction is over. */
interface Committed {
  readonly tell: () => void;
  readonly reject: (error: unknown) => void;
}

/** So many writes are not kept waiting for others, nor for the disk: they become a transaction while it syncs the last one. */
const ENOUGH = 8;

export interface GroupCommitOptions {
  /** The database's file; null: nothing outlives the process, nothing is synced. */
  readonly path: string | null;
  /** Has `turn` called at the end of this turn. */
  readonly schedule: () => void;
  /** Told how many writes have just been committed. */
  readonly wrote: (count: number) => void;
}

/** Commits to this database. */
export function createGroupCommit(db: Connection, { path, schedule, wrote }: GroupCommitOptions): GroupCommit {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const rollback = db.prepare("ROLLBACK");
  const dataVersion = db.prepare("PRAGMA data_version");
  // Exists from the first transaction on, and until the last connection closes.
  let wal: number | null = null;
  let queue: Piece[] = [];
  let unsynced: Committed[] = [];
  let isSyncing = false;
  let isOpen = true;
  let failure: Error | null = null;
  let whenIdle: (() => void) | null = null;
  /** How many writes waited at the end of the last turn. */
  let waited = 0;
  let editions = 0;
  let version: unknown = null;

  function noticeOthers(): void {
    const current = dataVersion.get()?.["data_version"];
    if (current !== version) editions += 1;
    version = current;
  }

  function undo(): void {
    editions += 1;
    try {
      rollback.run();
    } catch {
      // Some failures (a full disk) have rolled back by themselves.
    }
  }

  /** One transaction for all; a piece that throws is told so and the others are done again without it. */
  function transact(pieces: readonly Piece[]): Committed[] {
    let done: Committed[] = [];
    for (let rest = pieces; rest.length > 0;) {
      let bad: Piece | null = null;
      try {
        // Waits for other processes as long as the busy timeout; what fails then would fail for each piece.
        begin.run();
        noticeOthers();
        const committed: Committed[] = [];
        for (const piece of rest) {
          bad = piece;
          committed.push({ tell: piece.work(), reject: piece.reject });
        }
        bad = null;
        commit.run();
        done = committed;
        break;
      } catch (error) {
        undo();
        for (const piece of bad === null ? rest : [bad]) piece.reject(error);
        rest = bad === null ? [] : rest.filter((piece) => piece !== bad);
      }
    }
    if (done.length > 0) wrote(done.length);
    return done;
  }

  function fail(error: Error): void {
    // A disk that could not sync cannot be trusted with what it was given before, nor with what follows upon that.
    failure = error;
    for (const { reject } of [...unsynced.splice(0), ...queue.splice(0)]) reject(error);
  }

  function sync(): void {
    const waiting = unsynced;
    unsynced = [];
    if (path === null) {
      for (const { tell } of waiting) tell();
      return;
    }
    isSyncing = true;
    try {
      wal ??= openSync(`${path}-wal`, "r+");
      fdatasync(wal, (error) => settle(waiting, error));
    } catch (error) {
      // Somebody took the folder away: nothing can be made durable there any more.
      settle(waiting, error instanceof Error ? error : new Error(String(error)));
    }
  }

  function settle(waiting: readonly Committed[], error: Error | null): void {
    isSyncing = false;
    if (error !== null) {
      for (const { reject } of waiting) reject(error);
      fail(error);
    }
    // The disk goes on with what was committed meanwhile while those who waited are answered.
    if (unsynced.length > 0) sync();
    if (error === null) for (const { tell } of waiting) tell();
    if (queue.length > 0) {
      if (isOpen) schedule();
      else commitQueue();
    }
    if (isIdle()) whenIdle?.();
  }

  function commitQueue(): void {
    const pieces = queue;
    queue = [];
    waited = 0;
    for (const committed of transact(pieces)) unsynced.push(committed);
    if (unsynced.length > 0 && !isSyncing) sync();
  }

  function isIdle(): boolean {
    return queue.length === 0 && unsynced.length === 0 && !isSyncing;
  }

  return {
    write<T>(work: () => T): Promise<T> {
      if (failure !== null) return Promise.reject(failure);
      if (!isOpen) return Promise.reject(new Error("The database is closed."));
      return new Promise<T>((resolve, reject) => {
        const tellLater = (): (() => void) => {
          const result = work();
          return () => resolve(result);
        };
        queue.push({ work: tellLater, reject });
        schedule();
      });
    },
    turn() {
      if (queue.length === 0) return false;
      // As long as each turn brings more, more come with the next: a larger batch costs all of them less.
      if (queue.length > waited && queue.length < ENOUGH) {
        waited = queue.length;
        return true;
      }
      // Whoever waits for the disk is asked again when it is done.
      if (isSyncing && queue.length < ENOUGH) return false;
      commitQueue();
      return false;
    },
    isIdle,
    failure: () => failure,
    edition: () => editions,
    async close() {
      isOpen = false;
      if (queue.length > 0) commitQueue();
      if (!isIdle()) await new Promise<void>((resolve) => (whenIdle = resolve));
      if (wal !== null) closeSync(wal);
    },
  };
}
