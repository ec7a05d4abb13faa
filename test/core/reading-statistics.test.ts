import * as fc from "fast-check";
import { expect, test } from "vitest";
import { figuresOf, unite } from "../../src/core/reading-statistics.ts";
import type { Visit } from "../../src/core/reading-statistics.ts";

const BEGAN = Date.UTC(2026, 4, 1, 20) / 1000;
const COUNTING = { longest: 120, time_zone: "Europe/Berlin", now: Date.UTC(2026, 10, 1) / 1000 };

/** A hundred pages read one after the other, 50 seconds each. */
const HUNDRED: Visit[] = Array.from({ length: 100 }, (_, n) => ({
  page: n + 1,
  start: BEGAN + n * 50,
  duration: 50,
  total_pages: 100,
}));

test("a hundred pages of 50 seconds are 5000 seconds, whatever the pages of the last rendering", () => {
  for (const pages of [100, 300, 7000, 30, null]) {
    expect(figuresOf(HUNDRED, pages, COUNTING).read_time).toBe(5000);
  }
});

test("the pace is for pages of the last rendering", () => {
  expect(figuresOf(HUNDRED, 100, COUNTING).pace).toBe(50);
  expect(figuresOf(HUNDRED, 200, COUNTING).pace).toBe(25);
  expect(figuresOf(HUNDRED, 7000, COUNTING).pace).toBeCloseTo(5000 / 7000);
  // Two pages of then are one of now: its 100 seconds are less than what a page may count.
  expect(figuresOf(HUNDRED, 50, COUNTING).pace).toBe(100);
  // Four: 200 seconds are too many.
  expect(figuresOf(HUNDRED, 25, COUNTING).pace).toBe(120);
});

test("the time left is for the pages after the one that was read last", () => {
  const half = HUNDRED.slice(0, 50);
  expect(figuresOf(half, 100, COUNTING).time_left).toBe(2500);
  expect(figuresOf(half, 200, COUNTING).time_left).toBe(2500);
  expect(figuresOf(HUNDRED, 100, COUNTING).time_left).toBe(0);
  expect(figuresOf([], 100, COUNTING)).toEqual({
    read_time: 0,
    read_on: [],
    pace: null,
    time_left: null,
    started: null,
    last_read: null,
  });
});

test("days are those of the place where the reader lives", () => {
  const late = [{ page: 1, start: Date.UTC(2026, 4, 1, 21, 59) / 1000, duration: 60, total_pages: 9 }];
  const later = [...late, { page: 2, start: Date.UTC(2026, 4, 1, 22, 1) / 1000, duration: 60, total_pages: 9 }];
  const first = Date.UTC(2026, 4, 1) / 86_400_000;
  expect(figuresOf(late, 9, COUNTING).read_on).toEqual([first]);
  expect(figuresOf(later, 9, COUNTING).read_on).toEqual([first, first + 1]);
  expect(figuresOf(later, 9, { ...COUNTING, time_zone: "UTC" }).read_on).toEqual([first]);
});

test("a clock that had lost its date tells no day, but the time was read", () => {
  const odd = [3_600, 4_000_000_000].map((start) => ({ page: 1, start, duration: 100, total_pages: 100 }));
  const figures = figuresOf([...odd, ...HUNDRED], 100, COUNTING);
  expect(figures).toMatchObject({
    read_time: 5200,
    read_on: [expect.any(Number)],
    started: BEGAN,
    last_read: BEGAN + 5000,
  });
  expect(figuresOf(odd, 100, COUNTING)).toMatchObject({ read_time: 200, read_on: [], started: null, time_left: null });
});

test("rows that do not say of how many pages count as time, not as pages", () => {
  const unknown = HUNDRED.map((visit) => ({ ...visit, total_pages: 0 }));
  expect(figuresOf(unknown, 100, COUNTING)).toMatchObject({ read_time: 5000, pace: null, time_left: null });
});

test("a rendering of absurdly many pages takes no longer than its rows", () => {
  expect(figuresOf(HUNDRED, 10_000_000, COUNTING).read_time).toBe(5000);
});

const visit = fc.record({
  page: fc.integer({ min: 1, max: 20 }),
  start: fc.integer({ min: BEGAN, max: BEGAN + 500 }),
  duration: fc.integer({ min: 1, max: 120 }),
  total_pages: fc.constantFrom(20, 40),
});

test("the same visits in any number of databases, in any order, are counted once", () => {
  fc.assert(
    fc.property(fc.array(visit), fc.array(fc.array(fc.nat({ max: 30 }))), (visits, picks) => {
      const once = figuresOf(unite([visits]), 20, COUNTING);
      const parts = picks.map((pick) => pick.flatMap((index) => visits[index] ?? []));
      expect(figuresOf(unite([...parts, visits]), 20, COUNTING).read_time).toBe(once.read_time);
      expect(figuresOf(unite([visits.toReversed(), ...parts]), 20, COUNTING).read_on).toEqual(once.read_on);
    }),
  );
});
