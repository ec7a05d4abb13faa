import { expect, test } from "vitest";
import { planPull } from "../../src/core/plan-pull.ts";
import { column, profileOf, readingOf, T0 } from "./samples.ts";

test("a server ahead of the library becomes one column update", () => {
  const reading = readingOf({ cells: { "#pct": null }, records: [{ percentage: 0.42 }] });
  const plan = planPull([reading], profileOf({ columns: [column("percent", "#pct", "int")] }), 2000);
  expect(plan.updates).toMatchObject([{ book_id: 1, column: "#pct", before: null, after: 42 }]);
});

test("a book that no candidate answered is named and asked about again", () => {
  const plan = planPull([readingOf({ records: [] })], profileOf({}), 2000);
  expect(plan.unanswered).toEqual([1]);
  expect(plan.skipped).toMatchObject([{ book_id: 1, reason: { code: "not_on_server" } }]);
});

test("values of our own do not make a plan one that must be reviewed", () => {
  const known = readingOf({ cells: { "#pct": 40 }, records: [{ percentage: 0.5 }] });
  const ours = { ...known, book: { ...known.book, written: { "#pct": 40 } } };
  const reviews = [ours, known].map((one) => planPull([one], profileOf({ rules: { conflict: "server" } }), T0).review);
  expect(reviews).toMatchObject([[], [{ code: "no_base", data: { books: 1 } }]]);
});
