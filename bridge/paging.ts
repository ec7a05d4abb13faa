/** Cuts a plan into pages, so that no message grows with the library. */
import { emptyPlan, type PullPlan } from "../src/model/plan.ts";

type List = Exclude<keyof PullPlan, "unanswered" | "review">;

const LISTS: readonly List[] = [
  "updates",
  "conflicts",
  "skipped",
  "bases",
  "placeless",
  "observations",
  "digests",
  "local_changes",
  "carry_overs",
];

/** The plan in pages of at most `size` books each, a book whole in one page; at least one page. */
export function pagePlan(plan: PullPlan, size: number): PullPlan[] {
  const books = new Map<number, number>();
  const pageOf = (book_id: number): number => {
    const known = books.get(book_id);
    if (known !== undefined) return known;
    const page = Math.floor(books.size / size);
    books.set(book_id, page);
    return page;
  };
  const pages: PullPlan[] = [emptyPlan()];
  const at = (book_id: number): PullPlan => {
    const page = pageOf(book_id);
    return (pages[page] ??= emptyPlan());
  };
  for (const list of LISTS) {
    for (const item of plan[list]) (at(item.book_id)[list] as unknown[]).push(item);
  }
  for (const book_id of plan.unanswered) at(book_id).unanswered.push(book_id);
  // What concerns the whole plan stands on its first page.
  for (const reason of plan.review) pages[0]?.review.push(reason);
  return pages;
}
