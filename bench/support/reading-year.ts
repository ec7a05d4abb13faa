/** A seeded reader's year: books come, some are read, and a server without a list is asked every two hours by itself. */
import { chooseQuestions } from "../../src/core/ask-choice.ts";
import { questionsOf, type Question, type Subject } from "../../src/core/ask-likelihood.ts";
import { nextWord } from "../../src/core/ask-schedule.ts";
import type { LastWord } from "../../src/model/last-word.ts";
import { knownDigestOf } from "../../test/support/models.ts";
import { seeded } from "../../test/support/random.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const BEGIN = 1_800_000_000 - (1_800_000_000 % DAY);

export interface Year {
  readonly seed: number;
  /** Books at its begin. */
  readonly books: number;
  readonly addedAWeek: number;
  readonly read: number;
  /** Books on each of two devices. */
  readonly carried: number;
  /** Questions a day. */
  readonly allowance: number;
  /** The share of the reading among the newest tenth, and on the devices; the rest is anywhere. */
  readonly newest: number;
  readonly onDevices: number;
}

/** What one order of asking came to. */
export interface Found {
  /** Hours from each first reading to the run that heard of it, ascending; Infinity where none did. */
  readonly hours: number[];
  readonly questions: number;
}

/** Asks in one run: which of the questions, by what was said before. */
type Order = (questions: Question[], words: ReadonlyMap<string, LastWord>, left: number, now: number) => Question[];

/** As the plugin asks. */
export const likeliestFirst =
  (allowance: number): Order =>
  (questions, words, left, now) => {
    const asking = { reach: "quiet", allowance: { day: allowance, left }, share: 1, outOf: questions.length } as const;
    return chooseQuestions(questions, (document) => words.get(document) ?? null, asking, now).now;
  };

const WAITS = [HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY];

/** What is due by how often it was asked in vain, the longest unasked first, then the oldest: as it was before. */
export const longestUnasked: Order = (questions, words, left, now) => {
  const askedAt = ({ document }: Question): number => {
    const word = words.get(document);
    return word === undefined || word.read_at !== null ? 0 : word.asked;
  };
  return questions
    .filter((question) => {
      const word = words.get(question.document);
      if (word === undefined || word.read_at !== null || question.news > word.asked) return true;
      return now - word.asked >= (WAITS[Math.min(word.times, WAITS.length) - 1] ?? HOUR);
    })
    .toSorted((one, other) => askedAt(one) - askedAt(other) || one.book_id - other.book_id)
    .slice(0, left);
};

const documentOf = (book_id: number, kind: "partial_md5" | "filename"): string =>
  `${kind === "filename" ? "f" : "b"}${book_id.toString(16).padStart(31, "0")}`;

function bookOf(book_id: number, added: number, carried: boolean): Subject {
  const source = carried ? "device" : "library";
  const last_seen = carried ? BEGIN - 30 * DAY : 0;
  const candidates = (["partial_md5", "filename"] as const).map((kind) =>
    knownDigestOf(documentOf(book_id, kind), { kind, source, last_seen }),
  );
  return { book_id, candidates, news: added, added, reading: false, settled: true };
}

const placeOf = (document: string): number => Number.parseInt(document.slice(1), 16) - 1;

/** The book as the library knows it once a document of it was answered. */
function answeredAt(book: Subject | undefined, document: string, answered: number): Subject {
  if (book === undefined) throw new RangeError(document);
  const candidates = book.candidates.map((known) => (known.digest === document ? { ...known, answered } : known));
  return { ...book, candidates };
}

/** Lives through the year, with this order of asking. */
export function livedThrough(year: Year, order: Order): Found {
  const random = seeded(year.seed);
  const below = (most: number): number => Math.floor(random() * most);
  const carried = new Set(Array.from({ length: 2 * year.carried }, () => 1 + below(year.books)));
  const books = Array.from({ length: year.books }, (_, index) =>
    bookOf(index + 1, BEGIN - (year.books - index) * ((WEEK / year.addedAWeek) | 0), carried.has(index + 1)),
  );
  const readings = Array.from({ length: year.read }, () => Math.floor(random() * 50 * WEEK)).toSorted((a, b) => a - b);
  const onDevice = [...carried];
  const readAt = new Map<string, number>();
  const heard = new Map<string, number>();
  const words = new Map<string, LastWord>();
  let [questions, spent, day] = [0, 0, 0];
  for (let hour = 2; hour <= 52 * 7 * 24; hour += 2) {
    const now = BEGIN + hour * HOUR;
    const weeks = Math.floor((hour * HOUR) / WEEK);
    while (books.length < year.books + weeks * year.addedAWeek) books.push(bookOf(books.length + 1, now, false));
    while (readings[0] !== undefined && BEGIN + readings[0] <= now) {
      const kind = random();
      const picked =
        kind < year.newest
          ? books.length - below(books.length / 10)
          : kind < year.newest + year.onDevices
            ? (onDevice[below(onDevice.length)] ?? 1)
            : 1 + below(books.length);
      const document = documentOf(picked, "partial_md5");
      if (!readAt.has(document)) readAt.set(document, BEGIN + readings[0]);
      readings.shift();
    }
    if (Math.floor(now / DAY) !== day) [day, spent] = [Math.floor(now / DAY), 0];
    const asked = order(questionsOf(books, now), words, year.allowance - spent, now);
    spent += asked.length;
    questions += asked.length;
    for (const { document } of asked) {
      const record = readAt.get(document);
      // Read for ten days, then left.
      const read_at = record === undefined ? null : Math.min(now, record + 10 * DAY);
      words.set(document, nextWord(words.get(document) ?? null, read_at, now));
      if (record === undefined || heard.has(document)) continue;
      heard.set(document, now);
      const place = placeOf(document);
      books[place] = answeredAt(books[place], document, now);
    }
  }
  const hours = [...readAt].map(([document, at]) => ((heard.get(document) ?? Infinity) - at) / HOUR);
  return { hours: hours.toSorted((a, b) => a - b), questions };
}
