/** Asks one server about many documents: by its list where it has one, else by a pool of questions within an allowance. */
import { dailyAllowance, dayOf } from "../core/ask-budget.ts";
import { isDue } from "../core/ask-schedule.ts";
import { byLikelihood } from "../core/candidates.ts";
import type { Account } from "../model/account.ts";
import type { KnownDigest } from "../model/digest.ts";
import { SyncError } from "../model/error.ts";
import type { Answer } from "../model/plan.ts";
import type { Progress } from "../model/progress.ts";
import { why, type Why } from "../model/why.ts";
import { inTurn, type Turn } from "./in-turn.ts";
import { troubleOf, type Trouble } from "./trouble.ts";
import type { Clock, KosyncClient, OnProgress, OpenKosyncClient, ServerCache } from "./ports.ts";
import { append } from "../core/lists.ts";
import type { Waiting } from "../core/two-rounds.ts";

/** Fewer questions than this are quicker asked than a list is read. */
const WORTH_A_LIST = 8;

/** Remembered like a document when a server has none: a list that is not there need not be asked for each time. */
const LIST = "the list of documents";

export interface AskPorts {
  readonly openClient: OpenKosyncClient;
  readonly cache: ServerCache;
  readonly clock: Clock;
}

/** What may stop a long request, and who hears how far it has come. */
export interface Running {
  readonly signal: AbortSignal;
  readonly progress: OnProgress;
}

/** A book to ask about, and what is worth asking. */
export interface Subject {
  readonly book_id: number;
  readonly candidates: readonly KnownDigest[];
  /** When something last happened to the book on our side (added, sent, opened), epoch seconds. */
  readonly news: number;
}

/** A question that got no answer: what went wrong, by name, with the status or the cause where there is one. */
export interface Failure extends Trouble {
  readonly document: string;
}

/** What a server said, by book. */
export interface Heard {
  readonly answers: Map<number, Answer[]>;
  /** Single questions that got no answer. */
  readonly failures: Map<number, Failure>;
  /** Books left for another time. */
  readonly waiting: Map<number, Waiting>;
  /** Books that were not come to, or not in full, because the server fell silent before; the next run begins with them. */
  readonly unreached: Map<number, Trouble>;
}

/** Which questions are asked. */
export interface AskOptions {
  /** Also those that the server could not answer a short while ago. */
  readonly force: boolean;
  /** The reader chose these very books: no allowance keeps them back. */
  readonly selected: boolean;
}

/** One run's talk with one server: one login, one list, and no question twice. */
export interface Talk {
  /**
   * Asks about every candidate that is due (all of them with `force`), as far as the server's daily allowance goes unless
   * the books were `selected`; each document once. Sorts the answers by book.
   * Rejects with the SyncError of a server from which no word at all came: wrong password, refused certificate, down, or
   * the same failure for every question. Once there was a word, all that was heard is returned: what goes wrong in a
   * later round is told book by book, and loses nothing.
   */
  ask(subjects: readonly Subject[], options: AskOptions, running: Running): Promise<Heard>;
  close(): Promise<void>;
}

interface Asker {
  readonly book_id: number;
  readonly candidate: KnownDigest;
}

type Question = [document: string, askers: Asker[]];

interface Questions {
  /** Likeliest first. */
  readonly due: Question[];
  /** What was asked in vain a short while ago: a list that is there anyway may know it by now. */
  readonly resting: Question[];
  readonly waiting: Map<number, Waiting>;
}

/** A talk with an account's server; nothing is sent before there is something to ask. */
export function openTalk(account: Account, { openClient, cache, clock }: AskPorts): Talk {
  const isShared = Number.isFinite(dailyAllowance(account.url));
  /** What the server has said to single questions. */
  const words = new Map<string, Progress | null>();
  const silent = new Set<string>();
  let client: KosyncClient | null = null;
  let isIn = false;
  let list: List | null = null;
  let isListless = false;
  let rounds = 0;

  /** The server, which a wrong password is said by once, before the first of a thousand questions. */
  async function letIn(signal: AbortSignal): Promise<KosyncClient> {
    client ??= await openClient(account);
    if (!isIn) await client.authorize(signal);
    isIn = true;
    return client;
  }

  async function readList(from: KosyncClient, signal: AbortSignal): Promise<List | null> {
    if (list !== null || isListless) return list;
    list = await listOrNull(from, signal);
    isListless = list === null;
    if (isListless) cache.keepMiss(account.id, LIST, clock());
    else cache.forgetMiss(account.id, LIST);
    return list;
  }

  async function ask(
    subjects: readonly Subject[],
    { force, selected }: AskOptions,
    { signal, progress }: Running,
  ): Promise<Heard> {
    rounds += 1;
    const isSecond = rounds > 1;
    const { due, resting, waiting } = questionsOf(account.id, subjects, force, cache, clock());
    const heard: Heard = { answers: new Map(), failures: new Map(), waiting, unreached: new Map() };
    const mayHaveAList = !isShared && isDue(cache.miss(account.id, LIST), 0, clock());
    const isWorthAList = list !== null || due.length >= WORTH_A_LIST || (resting.length > 0 && mayHaveAList);
    if (due.length === 0 && !isWorthAList) return heard;
    const note = (document: string, record: Progress | null, askers: readonly Asker[]): void => {
      if (record === null) cache.keepMiss(account.id, document, clock());
      else {
        cache.forgetMiss(account.id, document);
        noteAnswer(heard, record, askers);
      }
    };
    // Before the first word to the server: waiting for a silent one must not look like the phase before.
    progress(0, due.length, "asking");
    try {
      const server = await letIn(signal);
      const known = isWorthAList ? await readList(server, signal) : null;
      const left = known === null ? due : answerFromList(known, due, resting, heard, note);
      const fresh = answerFromWords(words, left, heard);
      const first = leftFirst(fresh, cache.left(account.id));
      const allowed = isShared && !selected ? withinAllowance(account, first, heard, cache, clock()) : first;
      const { turns, ended } = await inTurn({
        items: allowed,
        client: server,
        signal,
        async act([document, askers], stop) {
          // What is stopped half way has cost only what was asked: the rest of the day's allowance is still there.
          if (isShared) cache.spend(account.id, dayOf(clock()), 1);
          const record = await server.getProgress(document, stop);
          words.set(document, record);
          note(document, record, askers);
        },
        onDone: (done) => progress(done, allowed.length, "asking"),
      });
      for (const document of documentsWithoutWord(allowed, turns)) silent.add(document);
      cache.keepLeft(account.id, [...silent]);
      const isHeard = known !== null || turns.some(({ status }) => status === "word");
      const alike = ended ?? sameFailure(turns);
      if (!isHeard && alike !== null) throw alike;
      noteSilence(heard, allowed, turns, ended);
    } catch (error) {
      if (!isSecond || !(error instanceof SyncError) || error.kind === "Cancelled") throw error;
      for (const [, askers] of due) for (const { book_id } of askers) heard.unreached.set(book_id, troubleOf(error));
    }
    return heard;
  }

  return {
    ask,
    async close() {
      await client?.close();
    },
  };
}

/** One round of a talk that has no other, as `Talk.ask`. */
export async function askServer(
  account: Account,
  subjects: readonly Subject[],
  options: AskOptions,
  ports: AskPorts,
  running: Running,
): Promise<Heard> {
  const talk = openTalk(account, ports);
  try {
    return await talk.ask(subjects, options, running);
  } finally {
    await talk.close();
  }
}

/** Tells what has been asked before in the same run; the questions that remain. */
function answerFromWords(words: ReadonlyMap<string, Progress | null>, questions: Question[], heard: Heard): Question[] {
  if (words.size === 0) return questions;
  return questions.filter(([document, askers]) => {
    const record = words.get(document);
    if (record !== undefined && record !== null) noteAnswer(heard, record, askers);
    return record === undefined;
  });
}

/** What the last run had no word about comes first: otherwise the end of a long library would never be reached. */
function leftFirst(questions: Question[], left: ReadonlySet<string>): Question[] {
  if (left.size === 0) return questions;
  return [
    ...questions.filter(([document]) => left.has(document)),
    ...questions.filter(([document]) => !left.has(document)),
  ];
}

type Taken = readonly Turn<void>[];

function documentsWithoutWord(questions: readonly Question[], turns: Taken): string[] {
  return questions.flatMap(([document], index) => (turns[index]?.status === "word" ? [] : [document]));
}

/** The failure that every question had alike, and that is therefore the server's and not a book's; null for none. */
function sameFailure(turns: Taken): SyncError | null {
  const [first] = turns;
  if (turns.length < 2 || first?.status !== "failed") return null;
  const { kind, data } = first.error;
  const isAlike = turns.every(
    (turn) => turn.status === "failed" && turn.error.kind === kind && turn.error.data["status"] === data["status"],
  );
  return isAlike ? first.error : null;
}

/** Sorts by book what had no word: failures of its own, and what the run did not come to. */
function noteSilence(
  { failures, unreached }: Heard,
  questions: readonly Question[],
  turns: Taken,
  ended: SyncError | null,
): void {
  for (const [index, [document, askers]] of questions.entries()) {
    const turn = turns[index];
    for (const { book_id } of askers) {
      if (turn?.status === "failed") failures.set(book_id, { document, ...troubleOf(turn.error) });
      else if (turn?.status === "left" && ended !== null) unreached.set(book_id, troubleOf(ended));
    }
  }
}

function questionsOf(
  account_id: string,
  subjects: readonly Subject[],
  force: boolean,
  cache: ServerCache,
  now: number,
): Questions {
  const due = new Map<string, Asker[]>();
  const resting = new Map<string, Asker[]>();
  const waiting = new Map<number, Waiting>();
  const ranked = subjects
    .flatMap(({ book_id, candidates, news }) => candidates.map((candidate) => ({ book_id, candidate, news })))
    .toSorted((one, other) => byLikelihood(one.candidate, other.candidate));
  for (const { book_id, candidate, news } of ranked) {
    const miss = cache.miss(account_id, candidate.digest);
    const mayAsk = force || isDue(miss, Math.max(news, candidate.last_seen), now);
    if (!mayAsk && !waiting.has(book_id)) waiting.set(book_id, { asked: miss?.asked ?? null, spent: false });
    const questions = mayAsk ? due : resting;
    const same = questions.get(candidate.digest);
    if (same === undefined) questions.set(candidate.digest, [{ book_id, candidate }]);
    else same.push({ book_id, candidate });
  }
  // What is asked for one book is told to all that may have it.
  for (const [document, askers] of due) {
    append(askers, resting.get(document) ?? []);
    resting.delete(document);
  }
  return { due: [...due], resting: [...resting], waiting };
}

type Note = (document: string, record: Progress | null, askers: readonly Asker[]) => void;

/** Answers what the server's own list of documents can; the questions that remain. */
function answerFromList(
  { documents, complete }: List,
  due: readonly Question[],
  resting: readonly Question[],
  { waiting }: Heard,
  note: Note,
): Question[] {
  const known = new Map(documents.map(({ progress }) => [progress.document, progress]));
  for (const [document, askers] of resting) {
    const record = known.get(document);
    if (record !== undefined) note(document, record, askers);
  }
  if (complete) waiting.clear();
  const left: Question[] = [];
  for (const [document, askers] of due) {
    const record = known.get(document);
    if (record !== undefined) note(document, record, askers);
    else if (complete) note(document, null, askers);
    else left.push([document, askers]);
  }
  return left;
}

type List = NonNullable<Awaited<ReturnType<KosyncClient["listDocuments"]>>>;

/** A list is a convenience: a server that fails at it, or takes too long, is asked document by document. */
async function listOrNull(client: KosyncClient, signal: AbortSignal): Promise<List | null> {
  try {
    return await client.listDocuments(signal);
  } catch (error) {
    const isPassing = error instanceof SyncError && error.kind !== "Cancelled" && error.kind !== "Unauthorized";
    if (isPassing && error.kind !== "CertificateRefused") return null;
    throw error;
  }
}

/** The questions that a shared server's allowance leaves for today; the books of the others wait. */
function withinAllowance(
  { id, url }: Account,
  questions: Question[],
  { waiting }: Heard,
  cache: ServerCache,
  now: number,
): Question[] {
  const left = Math.max(0, dailyAllowance(url) - cache.spent(id, dayOf(now)));
  // What was never asked comes before what was asked yesterday in vain: each day goes on where the last one stopped.
  const lastAsked = new Map(questions.map(([document]) => [document, cache.miss(id, document)?.asked ?? 0]));
  const inTurn = questions.toSorted(([one], [other]) => (lastAsked.get(one) ?? 0) - (lastAsked.get(other) ?? 0));
  const allowed = inTurn.slice(0, left);
  for (const [document, askers] of inTurn.slice(left)) {
    const asked = cache.miss(id, document)?.asked ?? null;
    for (const { book_id } of askers) {
      const before = waiting.get(book_id);
      if (before?.spent !== true) waiting.set(book_id, { asked: before?.asked ?? asked, spent: true });
    }
  }
  return allowed;
}

/** Why nothing is known of a book that had no word; null where nothing went wrong. */
export function silence(failure: Failure | undefined, unreached: Trouble | undefined): Why | null {
  if (failure !== undefined) return why("answer_failed", { ...failure });
  return unreached === undefined ? null : why("not_reached", { ...unreached });
}

function noteAnswer({ answers }: Heard, progress: Progress, askers: readonly Asker[]): void {
  for (const { book_id, candidate } of askers) {
    const answer: Answer = { progress, candidate, place: null };
    const others = answers.get(book_id);
    if (others === undefined) answers.set(book_id, [answer]);
    else others.push(answer);
  }
}
