import type { SyncError, SyncErrorName } from "../model/error.ts";

/** What went wrong with one question, as far as a sentence about one book needs it. */
export interface Trouble {
  readonly error: SyncErrorName;
  /** The HTTP status, where a server answered. */
  readonly status: number | null;
  /** Why no answer came, where none did. */
  readonly cause: string | null;
}

/** The part of an error that may be kept with a book. */
export function troubleOf({ kind, data }: SyncError): Trouble {
  const { status, cause } = data;
  return {
    error: kind,
    status: typeof status === "number" ? status : null,
    cause: typeof cause === "string" ? cause : null,
  };
}
