/** The digests of the files in the library: what a copy is known by that left unchanged. */
import { filenameDigest } from "../core/digest.ts";
import type { KnownDigest } from "../model/digest.ts";
import { SyncError } from "../model/error.ts";
import type { Book, BookFormat } from "../model/plan.ts";
import type { Matching } from "../model/profile.ts";
import { why } from "../model/why.ts";
import type { Why } from "../model/why.ts";
import type { Running } from "./ask-server.ts";
import type { BookFiles, Clock, ServerCache } from "./ports.ts";

export interface DigestPorts {
  readonly files: BookFiles;
  readonly cache: ServerCache;
  readonly clock: Clock;
}

/** What a book's own files tell of it. */
export interface OwnDigests {
  /** Of its files, and of the names that their copies may bear. */
  readonly digests: readonly KnownDigest[];
  /** Why a file told nothing, when none of the book's files told anything. */
  readonly unread: Why | null;
}

/** The books' own files, and the names their copies may bear, as candidates by book. */
export async function digestLibrary(
  books: readonly Book[],
  matching: Matching,
  { files, cache, clock }: DigestPorts,
  { signal, progress }: Running,
): Promise<Map<number, OwnDigests>> {
  const found = new Map<number, OwnDigests>();
  const now = clock();
  for (const [index, book] of books.entries()) {
    const ofFiles: KnownDigest[] = [];
    let unread: Why | null = null;
    if (matching !== "filename") {
      for (const format of book.formats) {
        const told = await readDigest(format, files, cache, signal);
        if ("unread" in told) unread ??= told.unread;
        else ofFiles.push({ ...unseen(told.digest, now), format: format.format, size: format.size });
      }
    }
    const ofNames: KnownDigest[] = [];
    for (const name of matching === "binary" ? [] : book.names)
      ofNames.push({ ...unseen(filenameDigest(name), now), kind: "filename", name });
    found.set(book.book_id, { digests: [...ofFiles, ...ofNames], unread: ofFiles.length === 0 ? unread : null });
    progress(index + 1, books.length, "digests");
  }
  return found;
}

/** The digest of one file, from memory where nothing has changed; null when it cannot be read. */
export async function digestOf(
  format: BookFormat,
  files: BookFiles,
  cache: ServerCache,
  signal: AbortSignal,
): Promise<string | null> {
  const told = await readDigest(format, files, cache, signal);
  return "unread" in told ? null : told.digest;
}

async function readDigest(
  { path, size, mtime }: BookFormat,
  files: BookFiles,
  cache: ServerCache,
  signal: AbortSignal,
): Promise<{ digest: string } | { unread: Why }> {
  // All empty files are alike: a digest of one would find any other. One that is missing has no size either.
  const known = size === 0 ? null : cache.fileDigest(path, size, mtime);
  if (known !== null) return { digest: known };
  try {
    const { partial_md5 } = await files.digest(path, signal);
    if (size === 0) return { unread: why("book_unreadable", { path, reason: "EMPTY" }) };
    cache.keepFileDigest(path, size, mtime, partial_md5);
    return { digest: partial_md5 };
  } catch (error) {
    // One file that cannot be read must not stop the other books; its book is still found by its history.
    if (!(error instanceof SyncError) || error.kind !== "BookUnreadable") throw error;
    const { reason } = error.data;
    return { unread: why("book_unreadable", { path, reason: typeof reason === "string" ? reason : null }) };
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
