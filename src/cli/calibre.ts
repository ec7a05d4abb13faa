/** Starts calibre for a command. */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { CalibreLibrary } from "../app/ports.ts";
import { openCalibre } from "../compose.ts";
import { SyncError } from "../model/error.ts";
import { progressLine } from "./progress-line.ts";
import { Refused, orSentence } from "./sentences.ts";
import { stoppable } from "./stopping.ts";

/** Real calibre for one piece of work, asked to end soon when the signal aborts; rejects with Cancelled then. */
export async function withCalibre<T>(signal: AbortSignal, work: (calibre: CalibreLibrary) => Promise<T>): Promise<T> {
  let calibre: CalibreLibrary | null = null;
  const line = progressLine(process.stderr);
  // What calibre and other plugins print goes to stderr.
  const log = (text: string): void => {
    line(null);
    process.stderr.write(`${text}\n`);
  };
  try {
    calibre = await openCalibre(folderOfBuild(), log, line, signal);
    signal.throwIfAborted();
    return await work(calibre);
  } catch (error) {
    // Ctrl-C reaches every program of the terminal: whatever broke then was stopped.
    throw signal.aborted && !(error instanceof Refused) ? new SyncError("Cancelled") : error;
  } finally {
    line(null);
    await calibre?.close();
  }
}

/** A command that is nothing but one piece of work in a library: its exit code, 130 when it was stopped. */
export function inCalibre(work: (calibre: CalibreLibrary, signal: AbortSignal) => Promise<number>): Promise<number> {
  return stoppable((signal) => orSentence(() => withCalibre(signal, (calibre) => work(calibre, signal))));
}

/** How a command wants its library. */
interface Wanted {
  readonly library: string;
  /** Works on a copy of the database: it needs no turn, whatever other calibre is running. */
  readonly dry_run: boolean;
  readonly copy_logs?: readonly string[];
  /** Waits until no other calibre program has a library open, instead of ending with a sentence. */
  readonly wait?: boolean;
}

/** Milliseconds between two looks whether it is our turn. */
const TURN = 500;

/** Opens the library that a command works on, and tells on stderr what has to be told of it; the ids of its books. */
export async function openLibrary(calibre: CalibreLibrary, wanted: Wanted, signal: AbortSignal): Promise<number[]> {
  const { dry_run, copy_logs = [] } = wanted;
  const params = { library: absolute(wanted.library), dry_run, copy_logs };
  const { book_ids, out_of_reach, notices } = await inTurn(() => calibre.open(params), wanted.wait === true, signal);
  for (const folder of out_of_reach) process.stderr.write(`The copy logs in ${folder} cannot be read.\n`);
  for (const notice of notices) process.stderr.write(`${notice}\n`);
  return book_ids;
}

/** What `open` gives; while another calibre program runs, it is tried again for as long as the reader wants to wait. */
async function inTurn<T>(open: () => Promise<T>, waits: boolean, signal: AbortSignal): Promise<T> {
  let isTold = false;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!waits || !isTaken(error)) throw error;
      if (!isTold) process.stderr.write("Another calibre program is running; waiting until it ends.\n");
      isTold = true;
    }
    await setTimeout(TURN, undefined, { signal });
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "kind" in error && error.kind === "LibraryOpen";
}

/** As `resolve`, also where the folder that the shell stands in has been deleted. */
function absolute(path: string): string {
  if (isAbsolute(path)) return path;
  try {
    return resolve(path);
  } catch {
    throw new Refused("The folder you are in is no longer there: name the library by its whole path.");
  }
}

/** dist/, where the plugin's zip and the script for calibre stand beside this program. */
function folderOfBuild(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const folder = [here, join(here, ".."), join(here, "../../dist")].find((path) =>
    existsSync(join(path, "koreader-progress.zip")),
  );
  if (folder === undefined) throw new Refused("The plugin's zip is missing beside this program: run npm run build.");
  return folder;
}
