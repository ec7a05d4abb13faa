/** Pull: digests, questions to the server, a plan. Nothing is written here. */
import type { Subject } from "../core/ask-likelihood.ts";
import { planCarryOvers } from "../core/carry-over.ts";
import { newestTold } from "../core/plan-told.ts";
import { withFiles } from "../core/one-story.ts";
import { planPull } from "../core/plan-pull.ts";
import { settleConflicts } from "../core/settle-conflicts.ts";
import { waitingAfterBoth, type Waiting } from "../core/two-rounds.ts";
import type { Account } from "../model/account.ts";
import type { Book, DigestFinding, PullPlan, Reading } from "../model/plan.ts";
import type { ConflictPolicy, Profile } from "../model/profile.ts";
import type { Reach } from "../model/reach.ts";
import { why } from "../model/why.ts";
import type { Why } from "../model/why.ts";
import { digestLibrary } from "./digest-library.ts";
import type { OwnDigests } from "./digest-library.ts";
import { openTalk, type AskPorts, type Running } from "./ask-server.ts";
import { silence, type Failure, type Heard } from "./heard.ts";
import { withContentKeys, withPlaces } from "./places.ts";
import { guessesAbout, guessesOf, guessesWanted, keepGuessed, type Predicted } from "./guesses.ts";
import { subjectsOf } from "./subjects.ts";
import type { Trouble } from "./trouble.ts";
import type { ShelfPorts } from "./book/shelf.ts";

export interface PullRequest {
  readonly books: readonly Book[];
  /** Null asks no server: what the readers' own files tell is all there is. */
  readonly account: Account | null;
  readonly profile: Profile;
  readonly reach: Reach;
  /** Whether digests may be predicted: then some of a shared server's allowance is left for them. */
  readonly predicts: boolean;
  /** How to decide what planning leaves for a person to decide; null leaves it. */
  readonly settle: ConflictPolicy | null;
}

export type PullPorts = AskPorts & ShelfPorts;

/** A pull that has asked about all that the library knows of its books, and may be told what they could be besides. */
export interface Pull {
  /** Books that the server was asked about and does not know: digests that are predicted for them are worth asking about. */
  readonly wants: readonly number[];
  /**
   * Asks about predicted digests, by book, and plans what the server's progress would change. What fails at those loses
   * nothing of what was heard.
   */
  plan(predicted: Predicted, running: Running): Promise<PullPlan>;
  close(): Promise<void>;
}

/** Of a shared server's allowance, what is left for guesses: the likeliest books are asked about in full on one day. */
const BEFORE_GUESSES = 0.5;

/** Begins a pull. Rejects as `askServer` does; otherwise it is to be closed. */
export async function beginPull(request: PullRequest, ports: PullPorts, running: Running): Promise<Pull> {
  const { account } = request;
  return account === null ? pullFromReaders(request, ports) : pullFrom(account, request, ports, running);
}

/** Without a server: a book of which no reader tells anything is none that a server does not know. */
function pullFromReaders(request: PullRequest, ports: PullPorts): Pull {
  const heard = request.books.map((book) => ({ book, answers: [] }));
  const told = new Set(request.books.filter((book) => newestTold(book) !== null).map(({ book_id }) => book_id));
  return {
    wants: [],
    async plan(_predicted, running) {
      const plan = await planReadings(heard, request, ports, running);
      const skipped = plan.skipped.map((skip) => {
        if (skip.reason.code !== "not_on_server") return skip;
        return { ...skip, reason: told.has(skip.book_id) ? why("unchanged", {}) : why("not_on_reader", {}) };
      });
      return { ...plan, skipped, unanswered: [] };
    },
    close: () => Promise.resolve(),
  };
}

async function pullFrom(account: Account, request: PullRequest, ports: PullPorts, running: Running): Promise<Pull> {
  const { books, profile, reach, predicts } = request;
  const computed = await digestLibrary(books, profile.matching, ports, running);
  const subjects = subjectsOf(books, computed, profile);
  const fileless = filelessOf(books, subjects, computed);
  const talk = openTalk(account, ports);
  try {
    const began = ports.clock();
    const heard = await talk.ask(subjects, { reach, share: predicts ? BEFORE_GUESSES : 1 }, running);
    const byReaders = knownByReaders(books, began);
    const unknown = subjects.filter(({ book_id }) => isUnknown(book_id, heard, fileless) && !byReaders.has(book_id));
    return {
      wants: predicts ? guessesWanted(unknown, reach, account, ports) : [],
      async plan(predicted, later) {
        const guesses = guessesOf(subjects, predicted, profile.matching);
        if (guesses.length === 0) return planHeard(request, heard, fileless, ports, later);
        const again = await talk.ask(guesses, { reach, outOf: guessesAbout(unknown.length) }, later);
        keepGuessed(subjects, guesses, account, ports, began);
        return planHeard(request, together(heard, again, guesses), fileless, ports, later);
      },
      close: () => talk.close(),
    };
  } catch (error) {
    await talk.close();
    throw error;
  }
}

/** Books of which a device's own file tells: nobody need guess how they are called. */
function knownByReaders(books: readonly Book[], now: number): ReadonlySet<number> {
  const known = books.filter((book) => withFiles({ book, answers: [] }, now).answers.length > 0);
  return new Set(known.map(({ book_id }) => book_id));
}

/** Whether a server was asked about a book, with a word for an answer, and has nothing of it. */
function isUnknown(book_id: number, heard: Heard, fileless: ReadonlyMap<number, Why>): boolean {
  if (heard.answers.has(book_id) || fileless.has(book_id)) return false;
  if (heard.failures.has(book_id) || heard.unreached.has(book_id)) return false;
  const waiting = heard.waiting.get(book_id);
  // Where the day's questions are used up, guesses cannot be asked about either.
  return waiting === undefined || (!waiting.spent && !waiting.known);
}

/** What was heard in both rounds; a book of the second had no answer in the first. */
function together(first: Heard, second: Heard, guesses: readonly Subject[]): Heard {
  const guessed = guesses.map(({ book_id }) => book_id);
  return {
    answers: new Map([...first.answers, ...second.answers]),
    failures: new Map([...first.failures, ...second.failures]),
    unreached: new Map([...first.unreached, ...second.unreached]),
    waiting: waitingAfterBoth(first.waiting, second.waiting, guessed),
  };
}

/** The plan of all that was heard. */
async function planHeard(
  request: PullRequest,
  { answers, failures, unreached, waiting }: Heard,
  fileless: ReadonlyMap<number, Why>,
  ports: PullPorts,
  running: Running,
): Promise<PullPlan> {
  const now = ports.clock();
  running.progress(0, 1, "planning");
  const heard = await withContentKeys(
    request.books.map((book) => ({ book, answers: answers.get(book.book_id) ?? [] })),
    ports,
    running,
  );
  const plan = await planReadings(heard, request, ports, running);
  const carry_overs = planCarryOvers(heard, request.profile.rules.reading_from);
  const told = withUnasked(withSilence(withFileless(plan, fileless), failures, unreached), waiting);
  return { ...told, digests: findings(heard, now), carry_overs };
}

/** The plan over these readings, with each place in words where a column shows it. */
async function planReadings(
  readings: Reading[],
  { profile, settle }: PullRequest,
  ports: PullPorts,
  running: Running,
): Promise<PullPlan> {
  const now = ports.clock();
  let asking = planPull(readings, profile, now);
  if (profile.columns.some(({ field }) => field === "place")) {
    const told = readings.map((reading) => withFiles(reading, now));
    asking = planPull(await withPlaces(told, asking, ports, running), profile, now);
  }
  running.progress(1, 1, "planning");
  return settle === null ? asking : settleConflicts(asking, settle);
}

/** Books of which nothing, or but the name of a file that cannot be read, could be asked about: and why. */
function filelessOf(
  books: readonly Book[],
  subjects: readonly Subject[],
  computed: ReadonlyMap<number, OwnDigests>,
): Map<number, Why> {
  const asked = new Map(subjects.map(({ book_id, candidates }) => [book_id, candidates.length]));
  const reasons = books.flatMap(({ book_id, digests }): [number, Why][] => {
    const unread = computed.get(book_id)?.unread ?? null;
    if (unread !== null && digests.length === 0) return [[book_id, unread]];
    return asked.get(book_id) === 0 ? [[book_id, unread ?? why("no_candidates", {})]] : [];
  });
  return new Map(reasons);
}

/** It is not the server that does not know a book without a file: it was never asked about it. */
function withFileless(plan: PullPlan, fileless: ReadonlyMap<number, Why>): PullPlan {
  const skipped = plan.skipped.map((skip) => {
    const reason = skip.reason.code === "not_on_server" ? fileless.get(skip.book_id) : undefined;
    return reason === undefined ? skip : { book_id: skip.book_id, reason };
  });
  return { ...plan, skipped, unanswered: plan.unanswered.filter((book_id) => !fileless.has(book_id)) };
}

/** A book that the server failed to answer, or fell silent before, is not one it does not know: the next run asks again. */
function withSilence(
  plan: PullPlan,
  failures: ReadonlyMap<number, Failure>,
  unreached: ReadonlyMap<number, Trouble>,
): PullPlan {
  const silent = plan.unanswered.flatMap((book_id) => {
    const reason = silence(failures.get(book_id), unreached.get(book_id));
    return reason === null ? [] : [{ book_id, reason }];
  });
  const ids = new Set(silent.map(({ book_id }) => book_id));
  return {
    ...plan,
    unanswered: plan.unanswered.filter((book_id) => !ids.has(book_id)),
    skipped: [...plan.skipped.filter(({ book_id }) => !ids.has(book_id)), ...silent],
  };
}

/** Books that were not asked about this time, or not about all their digests, and when they last were. */
function withUnasked(plan: PullPlan, waiting: ReadonlyMap<number, Waiting>): PullPlan {
  const skipped = plan.skipped.map((skip) => {
    const left = waiting.get(skip.book_id);
    if (left === undefined || skip.reason.code !== "not_on_server") return skip;
    const { asked, spent } = left;
    return { book_id: skip.book_id, reason: why(spent ? "allowance_spent" : "not_asked", { asked }) };
  });
  return { ...plan, skipped };
}

/** Digests that answered: worth remembering for ever. */
function findings(readings: readonly Reading[], now: number): DigestFinding[] {
  return readings.flatMap(({ book, answers }) =>
    answers.map(({ candidate }) => ({
      book_id: book.book_id,
      // When a copy was seen last says which copies are on somebody's reader: an answer to an old one must not.
      digest: { ...candidate, last_seen: candidate.last_seen > 0 ? candidate.last_seen : now, answered: now },
    })),
  );
}
