import { expect, test } from "vitest";
import { pagePlan } from "../../bridge/paging.ts";
import { emptyPlan, type PullPlan } from "../../src/model/plan.ts";
import { why } from "../../src/model/why.ts";

const unchanged = (book_id: number): PullPlan["skipped"][number] => ({ book_id, reason: why("unchanged", {}) });

const books = (list: readonly { book_id: number }[]): number[] => list.map(({ book_id }) => book_id);

function planOf(count: number): PullPlan {
  const plan = emptyPlan();
  for (let book_id = 1; book_id <= count; book_id++) {
    plan.skipped.push(unchanged(book_id));
    plan.local_changes.push({ book_id, column: "#percent", at: book_id });
    if (book_id % 2 === 0) plan.unanswered.push(book_id);
  }
  plan.review.push(why("first_run", {}));
  return plan;
}

test("a plan of nothing is one page", () => {
  expect(pagePlan(emptyPlan(), 500)).toEqual([emptyPlan()]);
});

test.each([1, 2, 3, 7, 500])("the pages of %i books each hold together all that the plan held, once", (size) => {
  const plan = planOf(7);
  const pages = pagePlan(plan, size);
  expect(pages).toHaveLength(Math.ceil(7 / size));
  const joined = emptyPlan();
  for (const page of pages) {
    for (const list of Object.keys(joined) as (keyof PullPlan)[]) (joined[list] as unknown[]).push(...page[list]);
  }
  expect(joined).toEqual(plan);
});

test("a book is whole in one page, and why to review stands on the first page alone", () => {
  const pages = pagePlan(planOf(5), 2);
  for (const page of pages) {
    expect(books(page.local_changes)).toEqual(books(page.skipped));
  }
  expect(pages.map(({ review }) => review.length)).toEqual([1, 0, 0]);
});
