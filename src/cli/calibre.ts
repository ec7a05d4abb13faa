/** Starts calibre for a command. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { CalibreLibrary } from "../app/ports.ts";
import { openCalibre } from "../compose.ts";
import { SyncError } from "../model/error.ts";
import { Refused } from "./sentences.ts";

/** Real calibre without a window; what it and other plugins print goes to stderr. */
export function startCalibre(): Promise<CalibreLibrary> {
  return openCalibre(folderOfBuild(), (line) => process.stderr.write(`${line}\n`));
}

/** Real calibre for one piece of work, asked to end soon when the signal aborts; rejects with Cancelled then. */
export async function withCalibre<T>(signal: AbortSignal, work: (calibre: CalibreLibrary) => Promise<T>): Promise<T> {
  let calibre: CalibreLibrary | null = null;
  const stop = (): void => calibre?.stop();
  signal.addEventListener("abort", stop);
  try {
    calibre = await startCalibre();
    signal.throwIfAborted();
    return await work(calibre);
  } catch (error) {
    // Ctrl-C reaches every program of the terminal: whatever broke then was stopped.
    throw signal.aborted && !(error instanceof Refused) ? new SyncError("Cancelled") : error;
  } finally {
    signal.removeEventListener("abort", stop);
    await calibre?.close();
  }
}

/** Opens the library that a command works on; what has to be told of it and of the copy logs goes to stderr. */
export async function openLibrary(
  calibre: CalibreLibrary,
  values: { readonly library: string; readonly dry_run: boolean; readonly copy_logs: readonly string[] },
): Promise<number[]> {
  const { book_ids, out_of_reach, notices } = await calibre.open({ ...values, library: resolve(values.library) });
  for (const folder of out_of_reach) process.stderr.write(`The copy logs in ${folder} cannot be read.\n`);
  for (const notice of notices) process.stderr.write(`${notice}\n`);
  return book_ids;
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
