/** Asks one server about many documents: by its list where it has one, else by a pool of questions that are due. */
import { dailyAllowance, dayOf } from "../core/ask-budget.ts";
import { chooseQuestions, type Choice } from "../core/ask-choice.ts";
import { questionsOf, type Question, type Subject } from "../core/ask-likelihood.ts";
import { isDue, nextWord } from "../core/ask-schedule.ts";
import type { LastWord } from "../model/last-word.ts";
import type { Account } from "../model/account.ts";
import { SyncError } from "../model/error.ts";
import type { Progress } from "../model/progress.ts";
import type { Reach } from "../model/reach.ts";
import { noteAnswer, noteSilence, noteWaiting, nothingHeard, sameFailure, type Heard, type Turns } from "./heard.ts";
import { allowanceOf } from "./allowance.ts";
import { inTurn } from "./in-turn.ts";
import { troubleOf } from "./trouble.ts";
import type { Clock, KosyncClient, OnProgress, OpenKosyncClient, ServerCache } from "./ports.ts";

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

/** Which questions are asked. */
export interface AskOptions {
  readonly reach: Reach;
  /** Of what is left of a day's allowance, the share that these questions may take; all of it where none is named. */
  readonly share?: number;
  /** How many questions there are in all, where these are but some of them. */
  readonly outOf?: number;
}

/** One run's talk with one server: one login, one list, and no question twice. */
export interface Talk {
  /**
   * Asks about the candidates that the reach wants, as far as the server's daily allowance goes unless the books were
   * chosen; each document once. Sorts the answers by book.
   * Rejects with the SyncError of a server from which no word at all came: wrong password, refused certificate, down, or
   * the same failure for every question. Once there was a word, all that was heard is returned: what goes wrong in a
   * later round is told book by book, and loses nothing.
   */
  ask(subjects: readonly Subject[], options: AskOptions, running: Running): Promise<Heard>;
  close(): Promise<void>;
}

/** A talk with an account's server; nothing is sent before there is something to ask. */
export function openTalk(account: Account, { openClient, cache, clock }: AskPorts): Talk {
  const isShared = Number.isFinite(dailyAllowance(account.url));
  const wordOf = (document: string): LastWord | null => cache.word(account.id, document);
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
    if (isListless) keep(LIST, null);
    else cache.forgetWord(account.id, LIST);
    return list;
  }

  function keep(document: string, record: Progress | null): void {
    const now = clock();
    // An undated record may have been made just now.
    const read_at = record === null ? null : (record.timestamp ?? now);
    cache.keepWord(account.id, document, nextWord(wordOf(document), read_at, now));
  }

  /** A list tells also of what is not due; a run that nobody asked for tries seldom whether there is one. */
  function isWorthAList(questions: readonly Question[], reach: Reach): boolean {
    if (list !== null) return true;
    const mayHaveOne = !isShared && isDue(wordOf(LIST), clock());
    if (questions.length >= WORTH_A_LIST) return reach !== "quiet" || mayHaveOne;
    return mayHaveOne && choose(questions, { reach }).resting.length > 0;
  }

  function choose(questions: readonly Question[], { reach, share = 1, outOf = questions.length }: AskOptions): Choice {
    const allowance = allowanceOf(account, cache, clock());
    return chooseQuestions(questions, wordOf, { reach, allowance, share, outOf }, clock());
  }

  /** Answers what the server's list of documents can; the questions that remain. */
  function answerFromList(questions: readonly Question[], heard: Heard): readonly Question[] {
    if (list === null) return questions;
    const known = new Map(list.documents.map(({ progress }) => [progress.document, progress]));
    const left: Question[] = [];
    for (const question of questions) {
      const { document, askers } = question;
      const record = known.get(document);
      if (record === undefined) left.push(question);
      else {
        noteAnswer(heard, record, askers);
        if (wordOf(document)?.read_at !== record.timestamp) keep(document, record);
      }
    }
    // What a complete list does not know need not be remembered: the next one will tell.
    return list.complete ? [] : left;
  }

  /** Tells what has been asked before in the same run; the questions that remain. */
  function answerFromWords(questions: readonly Question[], heard: Heard): readonly Question[] {
    if (words.size === 0) return questions;
    return questions.filter(({ document, askers }) => {
      const record = words.get(document);
      if (record !== undefined && record !== null) noteAnswer(heard, record, askers);
      return record === undefined;
    });
  }

  /** Asks document by document. Throws what ended the talk, where no word was heard in all of it. */
  async function askEach(questions: readonly Question[], server: KosyncClient, heard: Heard, running: Running) {
    const { turns, ended } = await inTurn({
      items: questions,
      client: server,
      signal: running.signal,
      async act({ document, askers }, stop) {
        // What is stopped half way has cost only what was asked: the rest of the day's allowance is still there.
        if (isShared) cache.spend(account.id, dayOf(clock()), 1);
        const record = await server.getProgress(document, stop);
        words.set(document, record);
        keep(document, record);
        if (record !== null) noteAnswer(heard, record, askers);
      },
      onDone: (done) => running.progress(done, questions.length, "asking"),
    });
    for (const document of documentsWithoutWord(questions, turns)) silent.add(document);
    cache.keepLeft(account.id, [...silent]);
    const isHeard = list !== null || turns.some(({ status }) => status === "word");
    const alike = ended ?? sameFailure(turns);
    if (!isHeard && alike !== null) throw alike;
    noteSilence(heard, questions, turns, ended);
  }

  async function ask(subjects: readonly Subject[], options: AskOptions, running: Running): Promise<Heard> {
    rounds += 1;
    const isSecond = rounds > 1;
    const heard = nothingHeard();
    const questions = questionsOf(subjects, clock());
    let choice: Choice | null = null;
    if (!isWorthAList(questions, options.reach)) {
      choice = choose(answerFromWords(questions, heard), options);
      noteWaiting(heard, choice, wordOf);
      if (choice.now.length === 0) return heard;
    }
    // Before the first word to the server: waiting for a silent one must not look like the phase before.
    running.progress(0, choice?.now.length ?? questions.length, "asking");
    try {
      const server = await letIn(running.signal);
      if (choice === null) {
        await readList(server, running.signal);
        choice = choose(answerFromWords(answerFromList(questions, heard), heard), options);
        noteWaiting(heard, choice, wordOf);
      }
      await askEach(leftFirst(choice.now, cache.left(account.id)), server, heard, running);
    } catch (error) {
      if (!isSecond || !(error instanceof SyncError) || error.kind === "Cancelled") throw error;
      for (const { askers } of choice?.now ?? questions)
        for (const { book_id } of askers) heard.unreached.set(book_id, troubleOf(error));
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

/** What the last run had no word about comes first: otherwise the end of a long library would never be reached. */
function leftFirst(questions: readonly Question[], left: ReadonlySet<string>): readonly Question[] {
  if (left.size === 0) return questions;
  return [
    ...questions.filter(({ document }) => left.has(document)),
    ...questions.filter(({ document }) => !left.has(document)),
  ];
}

function documentsWithoutWord(questions: readonly Question[], turns: Turns): string[] {
  return questions.flatMap(({ document }, index) => (turns[index]?.status === "word" ? [] : [document]));
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
