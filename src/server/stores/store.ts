import type { DocumentMetadata } from "../../model/progress.ts";

/** One name of a book, of the proposed identifiers extension. */
export interface Identifier {
  readonly type: string;
  readonly value: string;
}

/** A position as the server keeps it. `timestamp` is in epoch seconds, made by the server. */
export interface StoredRecord {
  readonly document: string;
  readonly percentage: number;
  readonly progress: string;
  readonly device: string;
  readonly device_id: string | null;
  readonly timestamp: number;
  readonly metadata: DocumentMetadata | null;
  /** What the writer of the current progress called the book; null when it named nothing. */
  readonly identifiers: readonly Identifier[] | null;
}

/** One name of a book as a writer tells it. A weak one helps to find a place, and never claims a record. */
export interface ClaimedIdentifier extends Identifier {
  readonly weak?: boolean;
}

/** An earlier or the current position of a document. */
export type HistoryEntry = Pick<StoredRecord, "percentage" | "progress" | "device" | "device_id" | "timestamp">;

/** A `PUT` that passed the door. A null `device_id`, or metadata that is not named, leaves what is stored. */
export type ProgressWrite = Omit<StoredRecord, "identifiers"> & {
  readonly identifiers: readonly ClaimedIdentifier[] | null;
};

/** `match` is the type of the identifier that named the record; null when the request named none. */
export type WriteOutcome =
  | { readonly status: "written"; readonly document: string; readonly match: string | null }
  | { readonly status: "unauthorized" }
  /** The account may keep no document more; nothing was written. */
  | { readonly status: "full" };

/** `match` is the place, in the list of names that were asked for, of the one that found the record. */
export interface Found {
  readonly record: StoredRecord;
  readonly match: number;
}

export interface ListQuery {
  /** Epoch seconds; records of that second are included. */
  readonly since: number;
  /** Only documents that come after this one in the store's own order; null starts at the first. */
  readonly after: string | null;
}

/** One line of an export. Credentials are as the store keeps them: a scrypt string, or the key itself. */
export type ExportLine =
  | { readonly kind: "user"; readonly username: string; readonly credential: string }
  | {
      readonly kind: "document";
      readonly username: string;
      readonly record: StoredRecord;
      /** Newest first, without the current record. */
      readonly history: readonly HistoryEntry[];
    }
  | {
      readonly kind: "alias";
      readonly username: string;
      readonly type: string;
      readonly value: string;
      readonly document: string;
    };

/** What could not be read of a damaged store, at most. */
export interface Lost {
  accounts: number;
  documents: number;
  /** Documents whose earlier positions are lost, though not the last one. */
  histories: number;
}

/** How many positions of a document are kept, the current one included. */
export const HISTORY_LENGTH = 50;

/** How many sign-ins of the page an account has at once. */
export const MAX_SESSIONS = 20;

/**
 * Where accounts and positions live. Every method may reject when the store cannot be reached; the app answers 502 then.
 * A credential is an opaque string here: who verifies a key against it is `credentials.ts`.
 */
export interface Store {
  readonly kind: "memory" | "sqlite" | "redis";
  /** Whether keys are kept as received, as the reference server's layout demands. */
  readonly keepsKeysVerbatim: boolean;
  /** False when the name is taken. */
  createUser(username: string, credential: string): Promise<boolean>;
  credentialOf(username: string): Promise<string | null>;
  /** Compare-and-set; false when the account is gone or its credential is no longer `current`. */
  replaceCredential(username: string, current: string, next: string): Promise<boolean>;
  /** Removes the account with all its data, if its credential is still `current` (null: there is no such account, only orphans). */
  deleteUser(username: string, current: string | null): Promise<boolean>;
  /** The credential and the record under the first of the names that is known; aliases are followed only for `identifiers`. */
  find(
    username: string,
    names: readonly string[],
    followAliases: boolean,
  ): Promise<{ readonly credential: string | null; readonly found: Found | null }>;
  /** Writes if the account's credential is still `credential`, in one atomic step. */
  write(username: string, credential: string, write: ProgressWrite): Promise<WriteOutcome>;
  /** Records in the store's own lasting order of documents, in slices of bounded size that are read as they are asked for. */
  list(username: string, query: ListQuery): AsyncIterable<readonly StoredRecord[]>;
  /** Text that is another one after each write to the account. */
  edition(username: string): Promise<string>;
  /** Newest first, the current record among them; empty when the document is unknown. */
  history(username: string, document: string): Promise<HistoryEntry[]>;
  /** False when there was nothing to delete. */
  deleteDocument(username: string, document: string): Promise<boolean>;
  usernames(): AsyncIterable<string>;
  /** Everything, users before their documents. */
  exportLines(): AsyncIterable<ExportLine>;
  /** As `exportLines`, from a store that is damaged: what can be read of it. Only where there is a file to read in. */
  salvageLines?(lost: Lost): AsyncIterable<ExportLine>;
  /** Puts lines back as they were; a user or document that is there already is replaced. */
  importLines(lines: readonly ExportLine[]): Promise<void>;
  /** Keeps a sign-in of the page until `expires`, in epoch seconds; of one account no more than `MAX_SESSIONS`, the newest. */
  startSession(username: string, id: string, expires: number, now: number): Promise<void>;
  hasSession(username: string, id: string, now: number): Promise<boolean>;
  endSession(username: string, id: string): Promise<void>;
  /** A lasting random secret of this store, the same for every instance that shares it. */
  secret(): Promise<string>;
  /** Rejects when the store does not answer. */
  check(): Promise<void>;
  close(): Promise<void>;
}
