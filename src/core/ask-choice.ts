/** Which of the questions about a library are asked this time. */
import type { Reach } from "../model/reach.ts";
import type { Question } from "./ask-likelihood.ts";
import type { LastWord } from "../model/last-word.ts";
import { overdue } from "./ask-schedule.ts";

const HOUR = 3600;
const DAY = 86_400;

/** So many questions are asked whenever somebody clicks. */
export const ALL_ASKED = 1000;
/** Of more, a click asks again this share, and not fewer than so many. */
const CLICK = { share: 0.05, least: 250 };
/** What falls due again costs a quiet run this share, and not fewer than so many; what is new, or has news, a few more. */
const QUIET = { share: 0.02, least: 20, leastNew: 100 };
/** What a server may be asked on one day, and what of that is left; both infinite for a server of the reader's own. */
export interface Allowance {
  readonly day: number;
  readonly left: number;
}

/** How much is asked. */
export interface Asking {
  readonly reach: Reach;
  readonly allowance: Allowance;
  /** The share of what is left of the allowance that these questions may take. */
  readonly share: number;
  /** How many questions there are in all, these among them. */
  readonly outOf: number;
}

export interface Choice {
  /** In the order in which they are to be asked. */
  readonly now: Question[];
  /** Not due, or too many for this time. */
  readonly resting: Question[];
  /** Those for which the day's allowance leaves nothing. */
  readonly spent: Question[];
}

interface Weighed {
  readonly question: Question;
  readonly word: LastWord | null;
  readonly urgency: number;
}

/**
 * Chooses among questions that stand in the order of their likelihood; `now` is epoch seconds. What a server knows of
 * one book is asked together or not at all: one of several places alone might be taken for the newest.
 */
export function chooseQuestions(
  questions: readonly Question[],
  wordOf: (document: string) => LastWord | null,
  { reach, allowance, share, outOf }: Asking,
  now: number,
): Choice {
  const weighed = questions
    .map((question): Weighed => {
      const word = wordOf(question.document);
      return { question, word, urgency: overdue(question, word, now) };
    })
    // The sort is stable: of what is as urgent the likelier comes first.
    .toSorted((one, other) => (one.urgency === other.urgency ? 0 : other.urgency - one.urgency));
  const wanted = wantedOf(weighed, reach, outOf, allowance, now);
  const list = weighed.filter((each) => wanted.has(each));
  const left = reach === "chosen" ? list.length : Math.floor(allowance.left * share);
  const cut = booksOf(list.slice(left).filter(isAnswered));
  const isSpent = (each: Weighed, place: number): boolean => place >= left || isOfThese(each, cut);
  return {
    now: questionsIn(list.filter((each, place) => !isSpent(each, place))),
    resting: questionsIn(weighed.filter((each) => !wanted.has(each))),
    spent: questionsIn(list.filter(isSpent)),
  };
}

function wantedOf(
  weighed: readonly Weighed[],
  reach: Reach,
  outOf: number,
  allowance: Allowance,
  now: number,
): ReadonlySet<Weighed> {
  if (reach === "everything" || reach === "chosen" || (reach === "usual" && outOf <= ALL_ASKED))
    return new Set(weighed);
  return withAnswered(
    weighed,
    reach === "usual" ? atAClick(weighed, outOf, now) : byItself(weighed, outOf, allowance, now),
  );
}

/** With whatever else a server knows of the same books; a document of two books brings in what is known of both. */
function withAnswered(weighed: readonly Weighed[], first: readonly Weighed[]): Set<Weighed> {
  const wanted = new Set(first);
  const answered = weighed.filter(isAnswered);
  for (let size = -1; size < wanted.size;) {
    size = wanted.size;
    const books = booksOf(wanted);
    for (const each of answered) if (isOfThese(each, books)) wanted.add(each);
  }
  return wanted;
}

/** All that was never asked, or has news since; and of the rest what comes next, unless it was asked this very hour. */
function atAClick(weighed: readonly Weighed[], outOf: number, now: number): Weighed[] {
  const isNew = ({ question, word }: Weighed): boolean => word === null || question.news > word.asked;
  const again = weighed
    .filter((each) => !isNew(each))
    .filter(({ word, urgency }) => urgency >= 1 || now - (word?.asked ?? 0) >= HOUR)
    .slice(0, Math.max(CLICK.least, Math.floor(CLICK.share * outOf)));
  return [...weighed.filter(isNew), ...again];
}

/** What is due; never so much that the server, or the day's allowance, would feel it at once. */
function byItself(weighed: readonly Weighed[], outOf: number, { day, left }: Allowance, now: number): Weighed[] {
  const share = Math.floor(QUIET.share * outOf);
  // Where nothing is left at all, that is what kept the questions back.
  const isEven = Number.isFinite(day) && left > 0;
  const untilNow = isEven ? Math.floor(day * partOfDay(now)) - (day - left) : Infinity;
  const mostNew = Math.max(QUIET.leastNew, share);
  const mostAgain = Math.max(QUIET.least, share);
  const wanted: Weighed[] = [];
  for (const each of weighed) {
    const most = isFresh(each) ? mostNew : Math.min(untilNow, each.word === null ? mostNew : mostAgain);
    if (each.urgency >= 1 && wanted.length < most) wanted.push(each);
  }
  return wanted;
}

/** Whether something happened that the server was not asked about since; of a book never asked about, lately. */
function isFresh({ question, word, urgency }: Weighed): boolean {
  return word === null ? question.standing === "hot" : urgency === Infinity;
}

function partOfDay(now: number): number {
  return (now % DAY) / DAY;
}

/** Whether a server knew the document, as far as is remembered here or with the books. */
function isAnswered({ question, word }: Weighed): boolean {
  return (
    (word !== null && word.read_at !== null) || question.askers.some(({ candidate }) => candidate.answered !== null)
  );
}

function booksOf(weighed: Iterable<Weighed>): ReadonlySet<number> {
  const books = new Set<number>();
  for (const { question } of weighed) for (const { book_id } of question.askers) books.add(book_id);
  return books;
}

function isOfThese({ question }: Weighed, books: ReadonlySet<number>): boolean {
  return books.size > 0 && question.askers.some(({ book_id }) => books.has(book_id));
}

function questionsIn(weighed: readonly Weighed[]): Question[] {
  return weighed.map(({ question }) => question);
}
