/** The digests of the files in the library: what a copy is known by that left unchanged. */
import { filenameDigest } from "../core/digest.ts";
import type { KnownDigest } from "../model/digest.ts";
import { SyncError } from "../model/error.ts";
import type { Book, BookFormat } from "../model/plan.ts";
import type { Matching } from "../model/profile.ts";
import type { Running } from "./ask-server.ts";
import type { BookFiles, Clock, ServerCache } from "./ports.ts";

export interface DigestPorts {
  readonly files: BookFiles;
  readonly cache: ServerCache;
  readonly clock: Clock;
}

/** The books' own files, and the names their copies may bear, as candidates by book. */
export async function digestLibrary(
  books: readonly Book[],
  matching: Matching,
  { files, cache, clock }: DigestPorts,
  { signal, progress }: Running,
): Promise<Map<number, KnownDigest[]>> {
  const found = new Map<number, KnownDigest[]>();
  const now = clock();
  for (const [index, book] of books.entries()) {
    const digests: KnownDigest[] = [];
    if (matching !== "filename") {
      for (const format of book.formats) {
        const digest = await digestOf(format, files, cache, signal);
        if (digest !== null) digests.push({ ...unseen(digest, now), format: format.format, size: format.size });
      }
    }
    if (matching !== "binary") {
      for (const name of book.names) digests.push({ ...unseen(filenameDigest(name), now), kind: "filename", name });
    }
    found.set(book.book_id, digests);
    progress(index + 1, books.length, "digests");
  }
  return found;
}

/** The digest of one file, from memory where nothing has changed; null when it cannot be read. */
export async function digestOf(
  { path, size, mtime }: BookFormat,
  files: BookFiles,
  cache: ServerCache,
  signal: AbortSignal,
): Promise<string | null> {
  const known = cache.fileDigest(path, size, mtime);
  if (known !== null) return known;
  try {
    const { partial_md5 } = await files.digest(path, signal);
    cache.keepFileDigest(path, size, mtime, partial_md5);
    return partial_md5;
  } catch (error) {
    // One file that cannot be read must not stop the other books; its book is still found by its history.
    if (error instanceof SyncError && error.kind === "BookUnreadable") return null;
    throw error;
  }
}

/** A digest that no copy is known to have: it may be asked about, and a miss of it is no surprise. */
function unseen(digest: string, now: number): KnownDigest {
  return {
    digest,
    kind: "partial_md5",
    source: "library",
    format: null,
    name: null,
    size: null,
    content_key: null,
    device: null,
    first_seen: now,
    last_seen: 0,
    answered: null,
  };
}
