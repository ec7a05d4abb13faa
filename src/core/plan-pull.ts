import { emptyPlan } from "../model/plan.ts";
import type { Book, Observation, PullPlan, Reading } from "../model/plan.ts";
import type { Profile } from "../model/profile.ts";
import { why } from "../model/why.ts";
import type { Why } from "../model/why.ts";
import { asHeard } from "./as-heard.ts";
import { left } from "./book-plan.ts";
import type { BookPlan } from "./book-plan.ts";
import { sameRecord } from "./choose-record.ts";
import { append } from "./lists.ts";
import { isEmpty } from "./same-cell.ts";
import { planToldAlone } from "./fill-told.ts";
import { isOurs, localSide, withOwnBase } from "./local-side.ts";
import type { LocalSide } from "./local-side.ts";
import { matchProgress } from "./match-progress.ts";
import { withFiles } from "./one-story.ts";
import { isOwn } from "./peek.ts";
import { planBook } from "./plan-book.ts";

/** What the servers said that the reading log does not hold yet. */
function newObservations({ book, answers }: Reading, now: number): Observation[] {
  const { book_id } = book;
  return answers
    .filter(({ progress }) => !isOwn(progress))
    .filter(({ progress }) => !book.observations.some((seen) => sameRecord(seen.progress, progress)))
    .map(({ progress }) => ({ book_id, at: now, progress }))
    .toSorted((one, other) => (one.progress.timestamp ?? now) - (other.progress.timestamp ?? now));
}

/** Puts what becomes of one book, of which something was heard, into the plan. */
function addBook(plan: PullPlan, { book_id }: Book, { updates, conflict, base, placeless, reasons }: BookPlan): void {
  append(plan.updates, updates);
  if (conflict !== null) plan.conflicts.push(conflict);
  if (base !== null) plan.bases.push(base);
  if (placeless !== null) plan.placeless.push(placeless);
  for (const reason of reasons) plan.skipped.push({ book_id, reason });
}

/** What becomes of a book that no server and no file tells a place of. */
function planUnanswered(book: Book, local: LocalSide, profile: Profile, now: number): BookPlan {
  const told = planToldAlone(left(), book, local, profile, now);
  return told.updates.length > 0 ? told : left(why("not_on_server", {}));
}

/** Why the reader must see this plan, whatever the profile says of reviews. */
function reviewReasons(plan: PullPlan, books: readonly Book[], profile: Profile): Why[] {
  if (plan.updates.length === 0 && plan.conflicts.length === 0) return [];
  if (!profile.ran_before) return [why("first_run", {})];
  const touched = new Set([...plan.updates, ...plan.conflicts].map(({ book_id }) => book_id));
  // Of these nothing was ever agreed on, and nothing is.
  for (const { book_id } of plan.placeless) touched.delete(book_id);
  const lost = books.filter(
    (book) =>
      book.base === null &&
      touched.has(book.book_id) &&
      // What we wrote ourselves before a cell was left unticked is no value that nobody knows of.
      profile.columns.some((mapping) => !isEmpty(book.cells[mapping.column] ?? null) && !isOurs(mapping, book)),
  );
  return lost.length === 0 ? [] : [why("no_base", { books: lost.length })];
}

/**
 * Decides, book by book, whether the server's progress belongs in the library: what to write, what to ask, what to
 * leave, each with its reason. `now` is the run's start in epoch seconds. One odd book never spoils the others.
 */
export function planPull(readings: Reading[], profile: Profile, now: number): PullPlan {
  const plan = emptyPlan();
  const matched = matchProgress(readings.map((reading) => withFiles(reading, now)));
  append(plan.skipped, matched.skipped);
  for (const { book: given, answers: standing } of matched.readings) {
    const book = withOwnBase(given, profile);
    const answers = asHeard(book, standing);
    const reading = { book, answers };
    const { book_id } = book;
    const local = localSide(book, profile, now);
    append(plan.local_changes, local.changes);
    append(plan.observations, newObservations(reading, now));
    if (answers.length > 0) addBook(plan, book, planBook(reading, local, profile, now));
    else if (!matched.bereft.has(book_id)) {
      plan.unanswered.push(book_id);
      addBook(plan, book, planUnanswered(book, local, profile, now));
    }
  }
  plan.review = reviewReasons(
    plan,
    readings.map(({ book }) => withOwnBase(book, profile)),
    profile,
  );
  return plan;
}
