/** A pull on a library that no other program has open: read, plan, and write unless it is a dry run. */
import type { Account } from "../model/account.ts";
import type { Book, ColumnUpdate, PullPlan } from "../model/plan.ts";
import type { Profile } from "../model/profile.ts";
import type { Running } from "./ask-server.ts";
import type { CalibreLibrary, WriteReport } from "./ports.ts";
import { pull, type PullPorts } from "./pull.ts";

/** Books read from calibre in one go; more would make one message too large. */
const BOOKS_AT_ONCE = 500;

export interface SyncRequest {
  readonly account: Account;
  readonly profile: Profile;
  readonly book_ids: readonly number[];
  readonly dryRun: boolean;
}

export interface SyncReport extends WriteReport {
  readonly plan: PullPlan;
}

/** Syncs these books; rejects with the SyncError of a server that answers nobody. */
export async function syncLibrary(
  { account, profile, book_ids, dryRun }: SyncRequest,
  library: CalibreLibrary,
  ports: PullPorts,
  running: Running,
): Promise<SyncReport> {
  const books: Book[] = [];
  for (let start = 0; start < book_ids.length; start += BOOKS_AT_ONCE) {
    running.signal.throwIfAborted();
    books.push(...(await library.books(book_ids.slice(start, start + BOOKS_AT_ONCE))));
  }
  // Whoever names a library on the command line wants to know now: misses of the last days are asked again.
  const plan = await pull({ books, account, profile, force: true }, ports, running);
  if (dryRun) return { plan, written: NONE, stale: NONE, failed: [] };
  return { plan, ...(await library.write(plan, profile)) };
}

const NONE: ColumnUpdate[] = [];
