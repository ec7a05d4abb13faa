/** When a document is worth asking about again, by what a server last said of it. */
import type { LastWord } from "../model/last-word.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;

/** The word to remember of an answer, after what was remembered before. */
export function nextWord(before: LastWord | null, read_at: number | null, asked: number): LastWord {
  return { asked, times: read_at === null ? (before?.times ?? 0) + 1 : 0, read_at };
}

/**
 * How likely news of a document is: something happened to its book lately or it is being read, its book is among the
 * likely ones, neither, or it bears a kind of name under which the server knows nothing.
 */
export type Standing = "hot" | "likely" | "rest" | "odd";

/** Seconds to wait at the most, after so many misses in a row: a book just sent may be opened tonight, an old one rarely is. */
const WAITS: Readonly<Record<Standing, readonly number[]>> = {
  hot: [2 * HOUR, 8 * HOUR, DAY, 3 * DAY, 7 * DAY],
  likely: [DAY, 2 * DAY],
  rest: [4 * DAY, 7 * DAY],
  odd: [14 * DAY],
};
/** A book that was read on within these days may have been read on since. */
const READING = 14 * DAY;
/** A book that was left for long is taken up again seldom: a share of that time is waited, and never more than a week. */
const SHARE_OF_AGE = 1 / 20;
const LONGEST = 7 * DAY;

/** How many times over the wait of a document that was never asked about has passed: it is due, and yet not before all others. */
const NEVER_ASKED = 8;

interface Scheduled {
  /** The likeliest book that has it. */
  readonly book_id: number;
  readonly news: number;
  readonly standing: Standing;
  readonly settled: boolean;
}

/**
 * How long after its due time a question comes, as a multiple of its wait: due from 1 on. Infinite where something
 * happened since it was asked last, where somebody is reading, or where the library has not got what the server said.
 */
export function overdue({ book_id, news, standing, settled }: Scheduled, word: LastWord | null, now: number): number {
  // A word from the future, of a clock that was set back, is worth nothing.
  if (word === null || word.asked > now) return NEVER_ASKED;
  if (news > word.asked) return Infinity;
  if (word.read_at === null) return (now - word.asked) / (waitAfter(word.times, standing) * spread(book_id));
  const left = now - word.read_at;
  return left < READING || !settled
    ? Infinity
    : (now - word.asked) / (Math.min(LONGEST, left * SHARE_OF_AGE) * spread(book_id));
}

/** Whether a document of no book is due: whether a server can list, for instance. */
export function isDue(word: LastWord | null, now: number): boolean {
  return overdue({ book_id: 0, news: 0, standing: "hot", settled: true }, word, now) >= 1;
}

function waitAfter(times: number, standing: Standing): number {
  const waits = WAITS[standing];
  return waits[Math.min(times, waits.length) - 1] ?? HOUR;
}

/** From a half to one, by the book: what was asked together does not fall due together, but for what is one book's. */
function spread(book_id: number): number {
  // Knuth's multiplicative hash: neighbours fall far apart.
  return 0.5 + (Math.imul(book_id, 2_654_435_761) >>> 0) / 2 ** 33;
}
