/** What the bridge does for each method: the contract's words turned into use cases. */
import type { Hosting } from "../src/app/hosting.ts";
import type { Running } from "../src/app/ask-server.ts";
import type { Outside } from "../src/compose.ts";
import { SyncError } from "../src/model/error.ts";
import type { Book, PullPlan } from "../src/model/plan.ts";
import type { Profile } from "../src/model/profile.ts";
import { BOOKS_PER_PAGE, type Hello, type Result } from "./contract.ts";
import { helloAnswer } from "./first-hello.ts";
import { pagePlan } from "./paging.ts";
import type { Call, Handlers } from "./serve.ts";

/** The books of a run as they arrive, then the pages of its plan that are still to be fetched. */
interface Run {
  books: Book[];
  pages: PullPlan[];
}

/** Runs that nobody fetches to their end are forgotten, the oldest first, once there are more than this. */
const RUNS_KEPT = 8;

/** The handlers of one bridge process; `close` lets go of everything they opened. */
export function createHandlers(): { handlers: Handlers; greet: (hello: Hello) => void; close: () => Promise<void> } {
  const runs = new Map<string, Run>();
  let outside: Promise<Outside> | null = null;
  let hosting: Promise<Hosting> | null = null;
  const given = (): Promise<Outside> => (outside ??= openOutside(null));

  function greet({ cache_folder }: Hello): void {
    // Not awaited: the first answer must not wait for what only a later request needs.
    outside = openOutside(cache_folder);
  }

  function host(): Promise<Hosting> {
    return (hosting ??= openHosting());
  }

  function runNamed(run: string): Run {
    const known = runs.get(run) ?? { books: [], pages: [] };
    runs.set(run, known);
    for (const oldest of runs.keys()) {
      if (runs.size <= RUNS_KEPT) break;
      runs.delete(oldest);
    }
    return known;
  }

  /** The books of a run; one that nothing is known of has none to plan, rather than no books. */
  function collected(run: string): Book[] {
    const known = runs.get(run);
    if (known === undefined) throw new SyncError("Cancelled", { run });
    return known.books;
  }

  function nextPage(run: string): Result<"sync/next"> {
    const known = runs.get(run);
    const plan = known?.pages.shift();
    // A run that was cancelled, or has been read to its end.
    if (known === undefined || plan === undefined) throw new SyncError("Cancelled", { run });
    const more = known.pages.length > 0;
    if (!more) runs.delete(run);
    return { plan, more };
  }

  const handlers: Handlers = {
    "bridge/hello": (hello) => {
      greet(hello);
      return helloAnswer();
    },
    "account/register": async ({ account }, { signal }) => {
      const { registerAccount } = await import("../src/app/account.ts");
      return registerAccount(account, await given(), signal);
    },
    "account/authorize": async ({ account }, { signal }) => {
      const { authorizeAccount } = await import("../src/app/account.ts");
      return authorizeAccount(account, await given(), signal);
    },
    "digest/compute": async ({ paths }, call) => {
      const { digestBooks } = await import("../src/app/digest-books.ts");
      const { files } = await given();
      const onProgress = (done: number): void => call.progress(done, paths.length, "digests");
      return { files: await digestBooks(paths, files, { signal: call.signal, onProgress }) };
    },
    "sync/books": ({ run, books }) => {
      const known = runNamed(run);
      for (const book of books) known.books.push(book);
      return { received: known.books.length };
    },
    "sync/beingRead": async ({ run, profile }) => {
      const { booksBeingRead } = await import("../src/app/being-read.ts");
      const books = collected(run);
      runs.delete(run);
      return { book_ids: booksBeingRead(books, profile) };
    },
    "sync/planPull": async ({ run, account, profile, force, selected, predicted, settle }, call) => {
      const { pull } = await import("../src/app/pull.ts");
      const books = collected(run);
      try {
        const request = { books, account, profile: zoned(profile), force, selected, predicted, settle };
        const plan = await pull(request, await given(), running(call));
        call.signal.throwIfAborted();
        runs.set(run, { books: [], pages: pagePlan(plan, BOOKS_PER_PAGE) });
      } catch (error) {
        runs.delete(run);
        throw error;
      }
      return nextPage(run);
    },
    "sync/planCarryOver": async (request, call) => {
      const { planCarryOver } = await import("../src/app/carry-over.ts");
      return { results: await planCarryOver(request, await given(), running(call)) };
    },
    "sync/carryOver": async (request, call) => {
      const { carryOver } = await import("../src/app/carry-over.ts");
      return { results: await carryOver(request, await given(), running(call)) };
    },
    "documents/list": async ({ account }, { signal }) => {
      const { listDocuments } = await import("../src/app/list-documents.ts");
      const { openClient } = await given();
      return { list: await listDocuments(account, openClient, signal) };
    },
    "sync/planPush": async (request, call) => {
      const { preparePush } = await import("../src/app/push.ts");
      return { plan: await preparePush({ ...request, profile: zoned(request.profile) }, await given(), running(call)) };
    },
    "sync/push": async (request, call) => {
      const { push } = await import("../src/app/push.ts");
      const { openClient } = await given();
      return { results: await push(request, openClient, running(call)) };
    },
    "sync/undoPush": async (request, call) => {
      const { undoPush } = await import("../src/app/undo-push.ts");
      const { openClient } = await given();
      return { results: await undoPush(request, openClient, running(call)) };
    },
    "position/convert": async ({ requests }, call) => {
      const { placesInLibrary } = await import("../src/app/places.ts");
      return { answers: await placesInLibrary(requests, await given(), call) };
    },
    "statistics/read": async ({ path, beside, longest, time_zone }, { signal }) => {
      const { readStatistics } = await import("../src/app/read-statistics.ts");
      const { statisticsOpener } = await import("../src/compose.ts");
      const { clock } = await given();
      const counting = { longest, time_zone: time_zone ?? ownTimeZone(), now: clock() };
      return readStatistics({ path, beside, counting }, await statisticsOpener(), signal);
    },
    "server/start": async (options) => (await host()).start(options),
    "server/stop": async () => (await host()).stop(),
    "server/status": async () => (await host()).status(),
    "server/users": async (change) => ({ users: await (await host()).changeUsers(change) }),
    "log/tell": async ({ observations, ...telling }) => {
      const { tellLog } = await import("../src/app/reading-log.ts");
      return tellLog(observations, telling);
    },
    "log/export": async ({ books, format, ...telling }) => {
      const { exportLog } = await import("../src/app/reading-log.ts");
      return { text: exportLog(books, format, telling) };
    },
    "diagnose/run": async (request, { signal }) => {
      const { diagnose } = await import("../src/app/diagnose.ts");
      return diagnose(request, await given(), signal);
    },
    "sync/end": ({ run }) => {
      runs.delete(run);
      return {};
    },
    "sync/next": ({ run }) => nextPage(run),
  };
  return {
    handlers,
    greet,
    async close() {
      await (await hosting)?.stop();
      await (await outside)?.close();
    },
  };
}

async function openOutside(cache_folder: string | null): Promise<Outside> {
  const { compose } = await import("../src/compose.ts");
  return compose({ cache_folder });
}

async function openHosting(): Promise<Hosting> {
  const { createHosting } = await import("../src/app/hosting.ts");
  const { hostingPorts } = await import("../src/compose.ts");
  return createHosting(hostingPorts());
}

function running(call: Call): Running {
  return { signal: call.signal, progress: (done, total, label) => call.progress(done, total, label) };
}

/** The profile with this machine's own time zone where it names none. */
function zoned(profile: Profile): Profile {
  return { ...profile, time_zone: profile.time_zone ?? ownTimeZone() };
}

function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
