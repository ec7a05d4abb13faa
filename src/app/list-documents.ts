/** What a server knows of one user, where it can tell: the start of finding books for what matched none. */
import type { Account } from "../model/account.ts";
import type { ListedDocument } from "../model/progress.ts";
import type { OpenKosyncClient } from "./ports.ts";

/** More than a person looks through; a longer list would stall calibre as one message. */
export const MOST_LISTED = 5000;

/** The user's documents, newest first, at most `MOST_LISTED`; null where the server cannot list. Rejects with a SyncError. */
export async function listDocuments(
  account: Account,
  openClient: OpenKosyncClient,
  signal: AbortSignal,
): Promise<{ documents: ListedDocument[]; complete: boolean } | null> {
  const client = await openClient(account);
  try {
    const list = await client.listDocuments(signal);
    if (list === null) return null;
    const newest = list.documents.toSorted(
      (one, other) => (other.progress.timestamp ?? 0) - (one.progress.timestamp ?? 0),
    );
    return {
      documents: newest.slice(0, MOST_LISTED),
      complete: list.complete && newest.length <= MOST_LISTED,
    };
  } finally {
    await client.close();
  }
}
