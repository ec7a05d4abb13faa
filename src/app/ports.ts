/** The outside world as the use cases see it. Adapters in `io/` make these real; tests hand in their own. */
import type { LastWord } from "../model/last-word.ts";
import type { KnownBook } from "../model/annotation.ts";
import type { AnnotationPlan, AnnotationTarget } from "../model/native-annotation.ts";
import type { Account } from "../model/account.ts";
import type { FileDigests } from "../model/digest.ts";
import type {
  AnnotationReport,
  BookCopies,
  FolderLook,
  KnownReader,
  LibraryMoveReport,
  LibraryMoveRequest,
  LibraryPushReport,
  LibraryPushRequest,
  LibraryResult,
  MappedColumns,
  SyncReport,
  SyncRequest,
  Unlinked,
} from "../model/library.ts";
import type { LoggedBook } from "../model/reading-log.ts";
import type { Pacing } from "../model/pacing.ts";
import type { StatisticsOddity } from "../model/reading-statistics.ts";
import type { Why } from "../model/why.ts";
import type { DocumentMetadata, ListedDocument, Progress } from "../model/progress.ts";

/** What is put on a server; the server makes the timestamp. */
export interface ProgressToPut {
  document: string;
  progress: string;
  percentage: number;
  device: string;
  device_id: string;
  metadata?: DocumentMetadata;
}

/** A server that lets an account in. */
export interface LoggedIn {
  /** The address that really answers, which is the one to keep. */
  url: string;
  /** False where the server lets anybody in, or does not say: whether the password is right shows with the first book. */
  shown: boolean;
}

/** One account on one kosync server. Every call may reject with a `SyncError`. */
export interface KosyncClient {
  register(signal?: AbortSignal): Promise<LoggedIn>;
  /** Asked once, and not tried again: the first thing that is asked of a server. */
  authorize(signal?: AbortSignal): Promise<LoggedIn>;
  /** The record under a document, or null where the server knows none. */
  getProgress(document: string, signal?: AbortSignal): Promise<Progress | null>;
  putProgress(progress: ProgressToPut, signal?: AbortSignal): Promise<{ timestamp: number | null }>;
  /** Makes the server forget a document's record; false where the server cannot, as the protocol has no word for it. */
  removeDocument(document: string, signal?: AbortSignal): Promise<boolean>;
  /** All the user's documents, or null where the server cannot list; not `complete` when it may have left some out. */
  listDocuments(signal?: AbortSignal): Promise<{ documents: ListedDocument[]; complete: boolean } | null>;
  /** Seconds that the server's clock is ahead of this machine's by its last answer; null where it does not say. */
  clockAhead(): number | null;
  /** From now on nothing more is sent; what was sent comes to its end. */
  finish(): void;
  close(): Promise<void>;
}

/**
 * Another address than `account.url` where a kosync server answers, found without the account's name and key; null where
 * there is none. With `only`, nothing but that address is looked at. May reject with a `SyncError`.
 */
export type FindServer = (account: Account, signal?: AbortSignal, only?: string) => Promise<string | null>;

export type OpenKosyncClient = (account: Account) => Promise<KosyncClient>;

/** Reads of files on this machine. */
export interface BookFiles {
  /** Digests of one file; rejects with `SyncError("BookUnreadable", { path, reason })`, the reason being the system's code: ENOENT, EACCES ... */
  digest(path: string, signal?: AbortSignal): Promise<FileDigests>;
}

/** A text of a database that may hold anything, and what is wrong with it. */
export interface OddText {
  readonly text: string | null;
  readonly odd: StatisticsOddity | null;
}

/** A row of KOReader's list of books; what is no number that can be is null. */
export interface BookRow {
  readonly id: number | null;
  readonly digest: OddText;
  readonly title: OddText;
  readonly authors: OddText;
  readonly last_open: number | null;
  readonly read: number | null;
  readonly pages: number | null;
}

/** A row of KOReader's visits to pages. */
export interface VisitRow {
  readonly row: number;
  readonly id_book: number | null;
  readonly page: number | null;
  readonly start: number | null;
  readonly duration: number | null;
  /** 0 where it is not told. */
  readonly total_pages: number;
}

/** A statistics database that is open; both may throw OddStatistics. */
export interface StatisticsFile {
  books(): BookRow[];
  /** Every visit, some thousand at a time; between them other work has its turn. */
  visits(): AsyncIterable<readonly VisitRow[]>;
  close(): void;
}

/** Opens a copy of a database that nobody else has open; throws OddStatistics for what is none. */
export type OpenStatistics = (path: string) => StatisticsFile;

/** A book file, entry by entry; a file that is no archive has one entry without a name. */
export interface BookArchive {
  readonly path: string;
  names(): Iterable<string>;
  has(name: string): boolean;
  /** Unpacked size in bytes, as the archive promises; 0 for what it has not. */
  size(name: string): number;
  /** The checksum of an entry's unpacked bytes, as the archive tells it; null for what is no entry of an archive. */
  crc32(name: string): number | null;
  /** The text of one entry; rejects with `SyncError("BookUnreadable", { path, reason })`, also for what is too large. */
  read(name: string): Promise<string>;
  close(): Promise<void>;
}

/** Rejects with `SyncError("BookUnreadable", { path, reason })`. */
export type OpenBookArchive = (path: string) => Promise<BookArchive>;

/** What a server last said of a document, and digests of library files: disposable, may be absent. */
export interface ServerCache {
  /** The digest of a file as computed before, if path, size (bytes) and mtime (epoch seconds) are the same. */
  fileDigest(path: string, size: number, mtime: number): string | null;
  keepFileDigest(path: string, size: number, mtime: number, partial_md5: string): void;
  /** What an account's server last said of a document; null where it was never asked. */
  word(account_id: string, document: string): LastWord | null;
  keepWord(account_id: string, document: string, word: LastWord): void;
  forgetWord(account_id: string, document: string): void;
  /** Documents that the last run asked about in vain, or did not come to: the next one begins with them. */
  left(account_id: string): ReadonlySet<string>;
  keepLeft(account_id: string, documents: readonly string[]): void;
  /** How fast a server (its origin) was asked in the end. */
  pacing(server: string): Pacing | null;
  keepPacing(server: string, pacing: Pacing): void;
  /** Questions asked for this account on one day (days since the epoch). */
  spent(account_id: string, day: number): number;
  spend(account_id: string, day: number, questions: number): void;
  close(): Promise<void>;
}

/** Epoch seconds. */
export type Clock = () => number;

/** How far a long request has come; `label` is a phase's name, not a sentence. */
export type OnProgress = (
  done: number,
  total: number,
  label: "digests" | "asking" | "planning" | "opening" | "pushing",
) => void;

/** A calibre library that no other program has open. */
export interface CalibreLibrary {
  open(params: {
    readonly library: string;
    readonly dry_run: boolean;
    readonly copy_logs: readonly string[];
  }): Promise<LibraryResult<"open">>;
  map(params: {
    /** By field: lookup name, and 100 for a percent column from 0 to 100 (null: the datatype's own). Empty: as calibre's profile has it. */
    readonly columns: Readonly<Record<string, readonly [column: string, scale: number | null]>>;
    readonly url: string;
    readonly username: string;
    /** Whether it is an error when no column is mapped anywhere. */
    readonly needed: boolean;
  }): Promise<MappedColumns>;
  /** Reads folders of sidecars without a device, and keeps with the library what they tell. */
  look(folders: readonly { readonly path: string; readonly name: string }[]): Promise<FolderLook[]>;
  /** Every device and folder that was ever read here; whose each is, where a library is open. */
  devices(): Promise<KnownReader[]>;
  sync(request: SyncRequest): Promise<SyncReport>;
  push(request: LibraryPushRequest): Promise<LibraryPushReport>;
  move(request: LibraryMoveRequest): Promise<LibraryMoveReport>;
  /** The reading logs of those of these books that have one, over all accounts. */
  log(book_ids: readonly number[]): Promise<LoggedBook[]>;
  copies(book_id: number): Promise<BookCopies>;
  /** The version of calibre, and what lies in a folder where one is named; no library need be open. */
  examine(device: string | null): Promise<LibraryResult<"examine">>;
  /**
   * What was marked in these books, as KOReader's sidecars below the folders tell, and what the target has of it in
   * calibre; nothing is changed anywhere.
   */
  annotations(
    book_ids: readonly number[],
    folders: readonly string[],
    target: AnnotationTarget | null,
  ): Promise<LibraryResult<"annotations">>;
  /** Writes what these plans say, where calibre still holds what they were made of, and remembers it. */
  keepAnnotations(target: AnnotationTarget, plans: readonly AnnotationPlan[]): Promise<AnnotationReport>;
  /** Takes back what a run wrote, where it still stands; null is the newest one. */
  undoAnnotations(run: string | null): Promise<AnnotationReport>;
  link(book_id: number, digest: string): Promise<void>;
  /** With `restore`, what the digest wrote is put back; otherwise it is only told. */
  unlink(book_id: number, digest: string, restore: boolean): Promise<Unlinked>;
  /** One sentence for each reason, the same as in calibre's window. */
  explain(reasons: readonly Why[]): Promise<string[]>;
  close(): Promise<void>;
}

/** A folder of notes. Paths are below it. */
export interface NotesFolder {
  /** The files that name a book, by its uuid. */
  find(): Promise<ReadonlyMap<string, string>>;
  read(path: string): Promise<string>;
  /** Replaces or makes a file at once. */
  write(path: string, text: string): Promise<void>;
  /** Makes a file of this name, or with a number behind it where there is one already; its path. */
  make(name: string, text: string): Promise<string>;
  /** What is known of the books that were ever written here, by the book's uuid. */
  recall(): Promise<ReadonlyMap<string, KnownBook>>;
  remember(books: ReadonlyMap<string, KnownBook>): Promise<void>;
}
