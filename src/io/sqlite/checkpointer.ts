import { closeSync, fdatasync, openSync } from "node:fs";
import { Worker } from "node:worker_threads";

/** Moves the WAL of one database into its file beside the event loop. */
export interface Checkpointer {
  /** To be told of so many more writes; starts when there have been enough of them. */
  wrote(count: number): void;
  /** To be awaited before the connection that writes is closed. */
  stop(): Promise<void>;
  /**
   * To be called after it is closed: letting go of any handle of the file also lets go of this process's locks on it, also
   * of those of its other connections; the handle is therefore kept for as long as any of them is there.
   */
  release(): void;
}

/** About as many pages: 16 MB. */
const ENOUGH_WRITES = 8000;
/** So few pages are moved on the spot, in a few milliseconds. */
const FEW_PAGES = 500;
const MAX_ROUNDS = 3;

/** Of each file that is open: how many use it, and the handles that wait for the last of them. */
const users = new Map<string, { count: number; readonly handles: number[] }>();

function enter(path: string): void {
  const here = users.get(path) ?? { count: 0, handles: [] };
  here.count += 1;
  users.set(path, here);
}

function leave(path: string, handle: number | null): void {
  const here = users.get(path);
  if (here === undefined) return;
  here.count -= 1;
  if (handle !== null) here.handles.push(handle);
  if (here.count > 0) return;
  users.delete(path);
  for (const each of here.handles) closeSync(each);
}

/** Runs in the thread, from its own text: it can use nothing of this file. Answers each message with the pages left to move. */
function work(): void {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const emitWarning = process.emitWarning.bind(process);
  // Node 22 calls its SQLite experimental while it is loaded, in each thread anew; nobody can act on that.
  process.emitWarning = () => undefined;
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  process.emitWarning = emitWarning;
  const db = new DatabaseSync(String(workerData));
  parentPort?.on("message", () => {
    const { log, checkpointed } = db.prepare("PRAGMA wal_checkpoint(PASSIVE)").get() ?? {};
    parentPort?.postMessage(Number(log) - Number(checkpointed), []);
  });
}

/**
 * For the database at `path`. A checkpoint by the connection that writes stops the event loop, up to half a second where
 * the writes are spread over a large file; another connection's in a thread of its own does not, but never reaches the
 * end of a WAL that grows meanwhile: the little that is left is for `finish`, after which the WAL starts anew. `fallBack`
 * is called when there can be no thread.
 */
export function createCheckpointer(path: string, finish: () => void, fallBack: () => void): Checkpointer {
  let worker: Worker | null = null;
  let file: number | null = null;
  let writes = 0;
  let rounds = 0;
  let isRunning = false;
  let isBroken = false;
  let hasLeft = false;
  enter(path);

  function giveUp(): void {
    if (isBroken) return;
    isBroken = true;
    fallBack();
  }

  function round(): void {
    rounds += 1;
    worker?.postMessage("on", []);
  }

  function end(): void {
    isRunning = false;
    if (!isBroken) finish();
  }

  function continueOrFinish(left: unknown): void {
    if (typeof left === "number" && left > FEW_PAGES && rounds < MAX_ROUNDS) {
      round();
      return;
    }
    try {
      // SQLite syncs the file only at the very end, which is in `finish`: it shall find nothing left to do.
      file ??= openSync(path, "r+");
      fdatasync(file, end);
    } catch {
      // Somebody took the folder away; whoever writes next is told.
      end();
    }
  }

  /** Only a busy server ever needs a thread; it keeps nobody from leaving. */
  function start(): Worker {
    const thread = new Worker(`(${work.toString()})()`, { eval: true, workerData: path });
    thread.on("message", continueOrFinish);
    thread.on("error", giveUp);
    thread.unref();
    return thread;
  }

  return {
    wrote(count) {
      writes += count;
      if (writes < ENOUGH_WRITES || isRunning || isBroken) return;
      [writes, rounds, isRunning] = [0, 0, true];
      try {
        worker ??= start();
        round();
      } catch {
        giveUp();
      }
    },
    async stop() {
      isBroken = true;
      await worker?.terminate();
    },
    release() {
      if (hasLeft) return;
      hasLeft = true;
      leave(path, file);
    },
  };
}
