/** What the bridge does for each method: the contract's words turned into use cases. */
import type { Hosting } from "../src/app/hosting.ts";
import type { Running } from "../src/app/ask-server.ts";
import type { PlaceIn } from "../src/app/annotations.ts";
import type { Outside } from "../src/compose.ts";
import type { Pull } from "../src/app/pull.ts";
import type { ArrivedPlace, Visit } from "../src/model/hosting.ts";
import { emptyPlan, type Book } from "../src/model/plan.ts";
import type { Profile } from "../src/model/profile.ts";
import { createArrivals } from "./arrivals.ts";
import type { Hello } from "./contract.ts";
import { helloAnswer } from "./first-hello.ts";
import { createPullRuns } from "./pull-runs.ts";
import type { Call, Handlers } from "./serve.ts";
import { createVisits } from "./visits.ts";

/** Who hears what comes to a hosted server. */
export interface Listener {
  readonly places: (places: ArrivedPlace[]) => void;
  readonly visit: (visit: Visit) => void;
}

const NOBODY: Listener = { places: () => undefined, visit: () => undefined };

/**
 * The handlers of one bridge process; `close` lets go of everything they opened. `listener` is told what comes
 * to a hosted server.
 */
export function createHandlers(listener: Listener = NOBODY): {
  handlers: Handlers;
  greet: (hello: Hello) => void;
  close: () => Promise<void>;
} {
  const runs = createPullRuns();
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
    "sync/books": ({ run, books }) => ({ received: runs.add(run, books) }),
    "sync/beingRead": async ({ run, profile }) => {
      const { booksBeingRead } = await import("../src/app/being-read.ts");
      const books = runs.books(run);
      await runs.end(run);
      return { book_ids: booksBeingRead(books, profile) };
    },
    "sync/planPull": async ({ run, profile, ...asking }, call) => {
      const { beginPull } = await import("../src/app/pull.ts");
      const begin = async (books: readonly Book[]): Promise<Pull> =>
        beginPull({ ...asking, books, profile: zoned(profile) }, await given(), running(call));
      const wants = await runs.begin(run, begin, call.signal);
      return wants.length > 0
        ? { plan: emptyPlan(), more: true, wants: [...wants] }
        : { ...(await runs.next(run, running(call))), wants: [] };
    },
    "sync/predicted": ({ run, books }) => ({ received: runs.predicted(run, books) }),
    "sync/planCarryOver": async (request, call) => {
      const { planCarryOver } = await import("../src/app/carry-over.ts");
      return { results: await planCarryOver(request, await given(), running(call)) };
    },
    "sync/planMove": async (request, call) => {
      const { planMove } = await import("../src/app/move.ts");
      return { results: await planMove(request, await given(), running(call)) };
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
    "annotations/plan": async ({ books, time_zone, ...annotating }, { signal }) => {
      const { planAnnotations } = await import("../src/app/annotate.ts");
      const { placeBook } = await import("../src/app/annotations.ts");
      const { openArchive } = await given();
      const place: PlaceIn = (book, annotations) => placeBook(book, annotations, openArchive, signal);
      return { plans: await planAnnotations(books, { ...annotating, time_zone: time_zone ?? ownTimeZone() }, place) };
    },
    "statistics/read": async ({ path, beside, longest, time_zone }, { signal }) => {
      const { readStatistics } = await import("../src/app/read-statistics.ts");
      const { statisticsOpener } = await import("../src/compose.ts");
      const { clock } = await given();
      const counting = { longest, time_zone: time_zone ?? ownTimeZone(), now: clock() };
      return readStatistics({ path, beside, counting }, await statisticsOpener(), signal);
    },
    "server/start": async (options) =>
      (await host()).start(options, {
        place: createArrivals(listener.places).note,
        visit: createVisits(listener.visit),
      }),
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
    "sync/end": async ({ run }) => {
      await runs.end(run);
      return {};
    },
    "sync/next": ({ run }, call) => runs.next(run, running(call)),
  };
  return {
    handlers,
    greet,
    async close() {
      await runs.close();
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
