/** What was deleted on the page a moment ago, for whoever did not mean it: of each sign-in the last document. */
import type { ExportLine } from "../stores/store.ts";

export type DeletedDocument = Extract<ExportLine, { readonly kind: "document" }>;

export interface Deleted {
  /** Keeps a document of a sign-in in the place of its last one; what is too large for a memory is not kept. */
  keep(session: string, document: DeletedDocument): void;
  /** What can still be put back; null when there is nothing. */
  of(session: string): DeletedDocument | null;
  forget(session: string): void;
}

/** Seconds for which a deletion can be undone. */
const KEPT_SECONDS = 600;

/** Characters of one document with its history, and how many are kept: together a few megabytes. */
const LARGEST = 100_000;
const MOST = 100;

/** `clock` gives epoch seconds. */
export function createDeleted(clock: () => number): Deleted {
  const kept = new Map<string, { readonly document: DeletedDocument; readonly until: number }>();
  return {
    keep(session, document) {
      kept.delete(session);
      if (JSON.stringify(document).length > LARGEST) return;
      kept.set(session, { document, until: clock() + KEPT_SECONDS });
      const [oldest] = kept.keys();
      if (kept.size > MOST && oldest !== undefined) kept.delete(oldest);
    },
    of(session) {
      const found = kept.get(session);
      if (found === undefined || found.until > clock()) return found?.document ?? null;
      kept.delete(session);
      return null;
    },
    forget: (session) => void kept.delete(session),
  };
}
