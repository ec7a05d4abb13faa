/** Pulls that are under way: their books as they arrive, what is asked and predicted, and the pages of their plans. */
import type { Running } from "../src/app/ask-server.ts";
import type { Pull } from "../src/app/pull.ts";
import type { KnownDigest } from "../src/model/digest.ts";
import { SyncError } from "../src/model/error.ts";
import type { Book, PullPlan } from "../src/model/plan.ts";
import { BOOKS_PER_PAGE, type Params, type Result } from "./contract.ts";
import { pagePlan } from "./paging.ts";

/** Runs that nobody fetches to their end are forgotten, the oldest first, once there are more than this. */
const RUNS_KEPT = 8;

interface Run {
  readonly books: Book[];
  readonly predicted: Map<number, readonly KnownDigest[]>;
  /** What goes on with the run once the server was asked about its books. */
  pull: Pull | null;
  /** What of its plan is still to be fetched; null: it is not planned yet. */
  pages: PullPlan[] | null;
}

/** By the name that calibre gave them. What is asked of a run that is not known is refused as Cancelled. */
export interface PullRuns {
  /** Adds books to a run, which begins with its first ones; how many it has. */
  add(run: string, books: readonly Book[]): number;
  /** The books of a run: one that nothing is known of has none to plan, rather than no books. */
  books(run: string): Book[];
  /** Has the server asked about a run's books; of which of them digests are wanted. */
  begin(run: string, open: (books: readonly Book[]) => Promise<Pull>, signal: AbortSignal): Promise<readonly number[]>;
  /** Adds what is predicted; of how many books there is something. */
  predicted(run: string, books: Params<"sync/predicted">["books"]): number;
  /** The next page of the plan, which is made with the first. The run ends with its last page, and with what it rejects. */
  next(run: string, running: Running): Promise<Result<"sync/next">>;
  end(run: string): Promise<void>;
  close(): Promise<void>;
}

export function createPullRuns(): PullRuns {
  const runs = new Map<string, Run>();

  function known(run: string): Run {
    const found = runs.get(run);
    // A run that was cancelled, or has been read to its end.
    if (found === undefined) throw new SyncError("Cancelled", { run });
    return found;
  }

  async function end(run: string): Promise<void> {
    const ended = runs.get(run);
    runs.delete(run);
    await ended?.pull?.close();
  }

  function forgetOldest(): void {
    for (const oldest of runs.keys()) {
      if (runs.size <= RUNS_KEPT) break;
      void end(oldest);
    }
  }

  async function planOf(one: Run, running: Running): Promise<PullPlan[]> {
    const { pull, predicted } = one;
    if (pull === null) throw new SyncError("Cancelled");
    const plan = await pull.plan(predicted, running);
    running.signal.throwIfAborted();
    one.pull = null;
    await pull.close();
    // What is planned is in the pages: nobody needs the books any more.
    one.books.length = 0;
    predicted.clear();
    return pagePlan(plan, BOOKS_PER_PAGE);
  }

  return {
    add(run, books) {
      const one: Run = runs.get(run) ?? { books: [], predicted: new Map(), pull: null, pages: null };
      for (const book of books) one.books.push(book);
      runs.set(run, one);
      forgetOldest();
      return one.books.length;
    },
    books: (run) => known(run).books,
    async begin(run, open, signal) {
      const one = known(run);
      try {
        one.pull = await open(one.books);
        signal.throwIfAborted();
      } catch (error) {
        await one.pull?.close();
        runs.delete(run);
        throw error;
      }
      // Somebody ended the run while the server was asked: nobody would close it.
      if (runs.get(run) !== one) {
        await one.pull.close();
        throw new SyncError("Cancelled", { run });
      }
      return one.pull.wants;
    },
    predicted(run, books) {
      const one = known(run);
      for (const { book_id, digests } of books) one.predicted.set(book_id, digests);
      return one.predicted.size;
    },
    async next(run, running) {
      const one = known(run);
      try {
        one.pages ??= await planOf(one, running);
      } catch (error) {
        await end(run);
        throw error;
      }
      const plan = one.pages.shift();
      if (plan === undefined) throw new SyncError("Cancelled", { run });
      const more = one.pages.length > 0;
      if (!more) await end(run);
      return { plan, more };
    },
    end,
    async close() {
      await Promise.all([...runs.keys()].map(end));
    },
  };
}
