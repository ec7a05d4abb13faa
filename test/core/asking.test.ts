/** Which questions about a large library are asked, and in which order. */
import { describe, expect, test } from "vitest";
import { chooseQuestions, type Choice } from "../../src/core/ask-choice.ts";
import { questionsOf, type Subject } from "../../src/core/ask-likelihood.ts";
import { nextWord } from "../../src/core/ask-schedule.ts";
import type { LastWord } from "../../src/model/last-word.ts";
import type { Reach } from "../../src/model/reach.ts";
import { knownDigestOf } from "../support/models.ts";
import { seeded } from "../support/random.ts";

const NOW = 1_800_000_000;
const HOUR = 3600;
const DAY = 24 * HOUR;

const documentOf = (book_id: number): string => book_id.toString(16).padStart(32, "0");

/** A book of the library alone, one added each hour, the highest number last. */
const subject = (book_id: number, more: Partial<Subject> = {}): Subject => {
  const added = NOW - 10 * DAY - (20_000 - book_id) * HOUR;
  const candidates = [knownDigestOf(documentOf(book_id), { source: "library" })];
  return { book_id, candidates, news: added, added, reading: false, settled: true, ...more };
};

/** Books from 1 on; some of them are others than usual. */
const libraryOf = (books: number, change: (book_id: number) => Partial<Subject> = () => ({})): Subject[] =>
  Array.from({ length: books }, (_, index) => subject(index + 1, change(index + 1)));

/** Some books that are picked one after the other. */
function reading(books: number, pick: () => number): Set<number> {
  const read = new Set<number>();
  while (read.size < books) read.add(pick());
  return read;
}

/** The first book, with two documents. */
const twofold = (more: Partial<Subject> = {}): Subject =>
  subject(1, { candidates: [knownDigestOf(documentOf(1)), knownDigestOf(documentOf(2))], ...more });

/** A server that is asked again and again, and what it said; `records` are dates by document. */
class Asked {
  readonly words = new Map<string, LastWord>();
  books: Subject[];
  readonly records: ReadonlyMap<string, number>;

  constructor(books: Subject[], records: ReadonlyMap<string, number> = new Map()) {
    this.books = books;
    this.records = records;
  }

  choose(reach: Reach, now: number, left = Infinity, day = Infinity): Choice {
    const questions = questionsOf(this.books, now);
    const asking = { reach, allowance: { day, left }, share: 1, outOf: questions.length };
    return chooseQuestions(questions, (document) => this.words.get(document) ?? null, asking, now);
  }

  run(reach: Reach, now: number, left = Infinity, day = Infinity): number[] {
    const { now: asked } = this.choose(reach, now, left, day);
    for (const { document } of asked) {
      const word = nextWord(this.words.get(document) ?? null, this.records.get(document) ?? null, now);
      this.words.set(document, word);
    }
    return asked.map(({ book_id }) => book_id);
  }
}

describe("of 8,000 books of which 300 are read, and nothing is known of any", () => {
  const random = seeded(17);
  const onDevice = new Set(Array.from({ length: 400 }, () => 1 + Math.floor(random() * 8000)));
  const copy = { source: "device", last_seen: NOW - 30 * DAY } as const;
  const books = libraryOf(8000, (book_id) =>
    onDevice.has(book_id) ? { candidates: [knownDigestOf(documentOf(book_id), copy)] } : {},
  );
  const inOrder = questionsOf(books, NOW).map(({ book_id }) => book_id);
  const shareAfter = (read: ReadonlySet<number>, share: number): number => {
    const asked = new Set(inOrder.slice(0, share * inOrder.length));
    return read.intersection(asked).size / read.size;
  };

  test("a reader of new books is known after a fifth of the questions", () => {
    const carried = [...onDevice];
    const read = reading(300, () => {
      const kind = random();
      if (kind < 0.6) return 8000 - Math.floor(random() * 800);
      if (kind < 0.8) return carried[Math.floor(random() * carried.length)] ?? 1;
      return 1 + Math.floor(random() * 8000);
    });
    expect(shareAfter(read, 0.2)).toBeGreaterThan(0.75);
  });

  test("a reader of any book waits no longer than by chance", () => {
    const read = reading(300, () => 1 + Math.floor(random() * 8000));
    for (const share of [0.2, 0.5, 0.8]) expect(shareAfter(read, share)).toBeGreaterThan(share - 0.07);
  });
});

describe("likeliest first", () => {
  test.each<[string, Partial<Subject>]>([
    ["is being read", { reading: true }],
    ["was opened or sent just now", { news: NOW - HOUR }],
    ["came into the library last", { added: NOW - HOUR }],
    ["is on a reader", { candidates: [knownDigestOf(documentOf(5), { source: "device", last_seen: NOW - DAY })] }],
    ["a server knew before", { candidates: [knownDigestOf(documentOf(5), { source: "library", answered: 1 })] }],
  ])("is a book that %s", (_what, more) => {
    const books = libraryOf(1000, (book_id) => (book_id === 5 ? more : {}));
    expect(questionsOf(books, NOW).findIndex(({ book_id }) => book_id === 5)).toBeLessThan(3);
  });

  test("stands the kind of name by which none of many answers came last", () => {
    const books = libraryOf(50, (book_id) => ({
      candidates: [
        knownDigestOf(documentOf(1000 + book_id), { kind: "filename", source: "linked" }),
        knownDigestOf(documentOf(book_id), { answered: book_id < 10 ? 1 : null }),
      ],
    }));
    const kinds = questionsOf(books, NOW).map(({ askers }) => askers[0]?.candidate.kind);
    expect(new Set(kinds.slice(0, 50))).toEqual(new Set(["partial_md5"]));
  });
});

describe("a click", () => {
  test("asks about all of up to 1,000, also a second time", () => {
    const asked = new Asked(libraryOf(1000));
    expect(asked.run("usual", NOW)).toHaveLength(1000);
    expect(asked.run("usual", NOW + 60)).toHaveLength(1000);
  });

  test("asks about all of 10,000 once, then about a twentieth at the most, never about the same again in the hour", () => {
    const asked = new Asked(libraryOf(10_000));
    expect(asked.run("usual", NOW)).toHaveLength(10_000);
    expect(asked.run("usual", NOW + 60)).toHaveLength(0);
    const second = asked.run("usual", NOW + 2 * HOUR);
    expect(second.length).toBeGreaterThan(0);
    expect(second.length).toBeLessThanOrEqual(500);
    const third = asked.run("usual", NOW + 2 * HOUR + 60);
    expect(new Set(second).isDisjointFrom(new Set(third))).toBe(true);
  });

  test("comes round to every book in the end", () => {
    const asked = new Asked(libraryOf(2000));
    asked.run("usual", NOW);
    const seen = new Set<number>();
    for (let day = 1; day <= 30; day++) for (const book_id of asked.run("usual", NOW + day * DAY)) seen.add(book_id);
    expect(seen.size).toBe(2000);
  });

  test("asks about every book that is new, or of which there is news, however many", () => {
    const asked = new Asked(libraryOf(10_000));
    asked.run("usual", NOW);
    asked.books = libraryOf(11_500, (book_id) => (book_id <= 2000 ? { news: NOW + 60 } : {}));
    expect(asked.run("usual", NOW + 120)).toHaveLength(3500);
  });

  test.each<Reach>(["everything", "chosen"])("that wants %s gets it", (reach) => {
    const asked = new Asked(libraryOf(3000));
    asked.run("usual", NOW);
    expect(asked.run(reach, NOW + 60)).toHaveLength(3000);
  });
});

describe("a run by itself", () => {
  test("never asks much at once, and of a week nothing waits longer than a week", () => {
    const asked = new Asked(libraryOf(2000));
    asked.run("usual", NOW);
    const last = new Map<number, number>();
    for (let run = 1; run <= 10 * 24; run++) {
      const now = NOW + run * HOUR;
      const books = asked.run("quiet", now);
      expect(books.length).toBeLessThanOrEqual(40);
      for (const book_id of books) last.set(book_id, now);
    }
    expect(Math.min(...last.values())).toBeGreaterThan(NOW + 3 * DAY);
    expect(last.size).toBe(2000);
  });

  test("asks a little of a library that nobody was asked about, likeliest first", () => {
    expect(new Asked(libraryOf(10_000)).run("quiet", NOW)).toEqual(
      Array.from({ length: 200 }, (_, index) => 10_000 - index),
    );
    expect(new Asked(libraryOf(80)).run("quiet", NOW)).toHaveLength(80);
  });

  test("asks at once about what was sent or opened", () => {
    const asked = new Asked(libraryOf(10_000));
    asked.run("usual", NOW);
    asked.books[41] = subject(42, { news: NOW + 60 });
    expect(asked.run("quiet", NOW + 120)).toEqual([42]);
  });

  test("leaves of a day's allowance what the day has not reached yet, but not for what has news", () => {
    const midnight = NOW - (NOW % DAY);
    const asked = new Asked(libraryOf(20_000));
    expect(asked.run("quiet", midnight + 6 * HOUR, 500, 500)).toHaveLength(125);
    expect(asked.run("quiet", midnight + 6 * HOUR, 375, 500)).toHaveLength(0);
    asked.books[41] = subject(42, { news: midnight + 6 * HOUR });
    expect(asked.run("quiet", midnight + 7 * HOUR, 375, 500).slice(0, 1)).toEqual([42]);
  });
});

describe("what a server knows", () => {
  const others = libraryOf(5000).slice(10);

  test.each([
    ["lately is asked about each time", DAY, 2],
    ["long ago rests with all of its book", 100 * DAY, 0],
  ])("and was read %s", (_what, age, times) => {
    const records = new Map([documentOf(1), documentOf(2)].map((document) => [document, NOW - age]));
    const asked = new Asked([twofold(), ...others], records);
    asked.run("usual", NOW);
    expect(asked.run("quiet", NOW + 600).filter((book_id) => book_id === 1)).toHaveLength(times);
  });

  test("is asked together: a peek at one copy alone would look like a step back", () => {
    const records = new Map([
      [documentOf(1), NOW - DAY],
      [documentOf(2), NOW - 300 * DAY],
    ]);
    const asked = new Asked([twofold(), ...others], records);
    asked.run("usual", NOW);
    expect(asked.run("quiet", NOW + 600)).toEqual([1, 1]);
    const { spent } = asked.choose("everything", NOW + 600, 1, 500);
    expect(spent.filter(({ book_id }) => book_id === 1)).toHaveLength(2);
  });

  test("is asked again while the library does not hold it: a new profile, or a column that was mapped since", () => {
    const records = new Map([[documentOf(1), NOW - 100 * DAY]]);
    const asked = new Asked([twofold({ settled: false }), ...others], records);
    asked.run("usual", NOW);
    expect(asked.run("quiet", NOW + 600)).toEqual([1]);
  });
});
