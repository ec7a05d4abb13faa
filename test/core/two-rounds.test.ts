import { expect, test } from "vitest";
import { waitingAfterBoth, type Waiting } from "../../src/core/two-rounds.ts";

const resting: Waiting = { asked: 100, spent: false, known: false };
const later: Waiting = { asked: 200, spent: false, known: false };
const spent: Waiting = { asked: 100, spent: true, known: false };
const one = (waiting: Waiting | null): Map<number, Waiting> => new Map(waiting === null ? [] : [[1, waiting]]);

test.each([
  ["asked twice just now, waits for nothing", null, null, null],
  ["asked just now, does not tell of a guess of an hour ago", null, resting, null],
  ["whose guesses are asked just now, was asked just now", resting, null, null],
  ["of which nothing could be asked, waits", resting, later, later],
  ["for whose guesses no question was left, waits for tomorrow", null, spent, spent],
])("a book %s", (_what, first, second, after) => {
  expect(waitingAfterBoth(one(first), one(second), [1])).toEqual(one(after));
});

test("a book for which nothing was predicted is told of as before", () => {
  expect(waitingAfterBoth(one(resting), one(null), [2])).toEqual(one(resting));
});
