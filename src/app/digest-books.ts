import type { FileDigests } from "../model/digest.ts";
import { SyncError } from "../model/error.ts";
import type { BookFiles } from "./ports.ts";

/** A file that could not be read; `error` is the system's code (ENOENT, EACCES ...), or ENOTFILE. */
export interface UnreadableFile {
  path: string;
  error: string;
}

/**
 * The digests of files, in the order given; an unreadable file is an entry with `error`, and the others go on.
 * Throws only Cancelled. `onProgress` hears how many are done.
 */
export async function digestBooks(
  paths: readonly string[],
  files: BookFiles,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number) => void } = {},
): Promise<(FileDigests | UnreadableFile)[]> {
  const found: (FileDigests | UnreadableFile)[] = [];
  for (const path of paths) {
    try {
      found.push(await files.digest(path, signal));
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== "BookUnreadable") throw error;
      found.push({ path, error: String(error.data["reason"]) });
    }
    onProgress?.(found.length);
  }
  return found;
}
