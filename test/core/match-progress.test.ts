import * as fc from "fast-check";
import { expect, test } from "vitest";
import { matchProgress } from "../../src/core/match-progress.ts";
import { DigestSource } from "../../src/model/digest.ts";
import type { Reading } from "../../src/model/plan.ts";
import { knownDigestOf } from "../support/models.ts";
import { readingOf } from "./samples.ts";
import type { answerOf } from "./samples.ts";

const [A, B, C] = ["a", "b", "c"].map((letter) => letter.repeat(32)) as [string, string, string];
type Answered = Parameters<typeof answerOf>[0];

function reading(book_id: number, ...records: Answered[]): Reading {
  return readingOf({ book_id, title: `Book ${book_id}`, records });
}

/** The documents that each book keeps, by id. */
function keptOf(readings: Reading[]): Record<number, string[]> {
  return Object.fromEntries(
    matchProgress(readings).readings.map(({ book, answers }) => [
      book.book_id,
      answers.map(({ progress }) => progress.document),
    ]),
  );
}

test("books with documents of their own are left as they are", () => {
  const readings = [reading(1, { document: A }), reading(2, { document: B }), reading(3)];
  expect(matchProgress(readings)).toEqual({ readings, skipped: [], bereft: new Set() });
});

test("two copies of one book under two documents are no dispute", () => {
  const readings = [reading(1, { document: A, content_key: "2:k" }, { document: B, content_key: "2:k" })];
  expect(matchProgress(readings).readings).toEqual(readings);
});

test.each<[string, string]>(
  DigestSource.options.slice(1).map((source, index) => [DigestSource.options[index] ?? "", source]),
)("a digest that was %s outdoes one that was %s", (better, worse) => {
  const [first, second] = [better, worse].map((source) => ({ document: A, source: DigestSource.parse(source) }));
  const { readings, skipped, bereft } = matchProgress([reading(1, second), reading(2, first)]);
  expect(readings.map(({ answers }) => answers.length)).toEqual([0, 1]);
  expect(skipped).toEqual([
    {
      book_id: 1,
      reason: { code: "document_of_another", data: { document: A, other_id: 2, other_title: "Book 2" } },
    },
  ]);
  expect([...bereft]).toEqual([1]);
});

test("what is known of the document counts, not only how it was asked", () => {
  const known = readingOf({
    book_id: 2,
    digests: [knownDigestOf(A, { source: "linked" })],
    records: [{ document: A, source: "library" }],
  });
  expect(keptOf([reading(1, { document: A, source: "sidecar" }), known])).toEqual({ 1: [], 2: [A] });
});

test("a file's name says less than any sampled bytes", () => {
  const named = reading(1, { document: A, source: "linked" });
  for (const answer of named.answers) answer.candidate.kind = "filename";
  expect(keptOf([named, reading(2, { document: A, source: "predicted" })])).toEqual({ 1: [], 2: [A] });
});

test("books of one text both keep the record, and others of the same trust get nothing", () => {
  const twin = { document: A, content_key: "2:same" };
  expect(keptOf([reading(1, twin), reading(2, twin)])).toEqual({ 1: [A], 2: [A] });
  const { skipped } = matchProgress([reading(1, twin), reading(2, { ...twin, content_key: "2:other" })]);
  expect(skipped.map(({ book_id, reason }) => [book_id, reason.code, reason.data["other_id"]])).toEqual([
    [1, "document_ambiguous", 2],
    [2, "document_ambiguous", 1],
  ]);
  // A key of before pictures counted: two volumes of a comic shared it.
  expect(keptOf([reading(1, { ...twin, content_key: C }), reading(2, { ...twin, content_key: C })])).toEqual({
    1: [],
    2: [],
  });
  // Nobody knows what text they are of.
  expect(keptOf([reading(1, { document: A }), reading(2, { document: A })])).toEqual({ 1: [], 2: [] });
});

test("a book that another copy still answers complains only of what nobody can tell", () => {
  const lost = matchProgress([
    reading(1, { document: A, source: "library" }, { document: B }),
    reading(2, { document: A, source: "sidecar" }),
  ]);
  expect([lost.skipped, [...lost.bereft]]).toEqual([[], []]);
  const open = matchProgress([reading(1, { document: A }, { document: B }), reading(2, { document: A })]);
  expect(open.skipped.map(({ book_id }) => book_id)).toEqual([1, 2]);
  expect([...open.bereft]).toEqual([2]);
});

test("whatever the claims, no document is left to two books of different text, and none is invented", () => {
  const record = fc.record({
    document: fc.constantFrom(A, B, C),
    source: fc.constantFrom(...DigestSource.options),
    content_key: fc.constantFrom("2:one", "2:two", "old", null),
  });
  fc.assert(
    fc.property(
      fc.array(fc.uniqueArray(record, { selector: ({ document }) => document, maxLength: 3 }), { maxLength: 5 }),
      (books) => {
        const given = books.map((records, index) => reading(index + 1, ...records));
        const { readings, bereft } = matchProgress(given);
        expect(readings.map(({ book }) => book.book_id)).toEqual(given.map(({ book }) => book.book_id));
        for (const document of [A, B, C]) {
          const holders = readings.flatMap(({ answers }) =>
            answers.filter(({ progress }) => progress.document === document),
          );
          const keys = new Set(holders.map(({ candidate }) => candidate.content_key));
          expect(holders.length < 2 || (keys.size === 1 && !keys.has("old") && !keys.has(null))).toBe(true);
        }
        for (const [index, { answers }] of readings.entries()) {
          expect(given[index]?.answers).toEqual(expect.arrayContaining(answers));
          const hadSome = (given[index]?.answers.length ?? 0) > 0;
          expect(bereft.has(index + 1)).toBe(hadSome && answers.length === 0);
        }
      },
    ),
    { numRuns: 500 },
  );
});
