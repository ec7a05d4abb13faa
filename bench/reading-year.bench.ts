/** How long a simulated reader waits for each first reading, beside the order in which libraries were asked before. */
import { expect, test } from "vitest";
import { likeliestFirst, livedThrough, longestUnasked, type Found, type Year } from "./support/reading-year.ts";

const YEAR: Year = {
  seed: 17,
  books: 2000,
  addedAWeek: 5,
  read: 60,
  carried: 100,
  allowance: 500,
  newest: 0.6,
  onDevices: 0.2,
};

const told = ({ hours, questions }: Found): string => {
  const median = hours[Math.floor(hours.length / 2)] ?? 0;
  const worst = hours.at(-1) ?? 0;
  return `${median.toFixed(0)} h in the middle, ${worst.toFixed(0)} h at worst, ${questions} questions`;
};

test.each([
  ["of new books", YEAR],
  ["of any book", { ...YEAR, newest: 0, onDevices: 0 }],
])("a year of a reader %s", (whose, year) => {
  const ours = livedThrough(year, likeliestFirst(year.allowance));
  const before = livedThrough(year, longestUnasked);
  console.log(`a reader ${whose}, ${year.books} books: ${told(ours)}; before: ${told(before)}`);
  expect(ours.hours.at(-1)).toBeLessThan(Infinity);
});
