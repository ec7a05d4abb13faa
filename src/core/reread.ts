import type { Answer, Book, DeviceMark } from "../model/plan.ts";
import type { Rules } from "../model/profile.ts";
import type { Progress } from "../model/progress.ts";
import { largest, least } from "./lists.ts";
import type { LocalSide } from "./local-side.ts";
import { marksOf } from "./one-story.ts";
import { isOwn } from "./peek.ts";
import { heardAt, NOISE } from "./read-throughs.ts";

const DAY = 86_400;

/** When the book was last known to be finished, epoch seconds. */
function finishedAt(book: Book, local: LocalSide, rules: Rules): number {
  const finishes = book.observations.filter(({ progress }) => progress.percentage >= rules.finish_at).map(heardAt);
  // A book that was finished before we met it may have been read by any device until then.
  const met =
    book.base?.timestamp ??
    least(
      Infinity,
      book.observations.map(({ at }) => at),
    );
  const byHand = [local.statusChanged ? local.statusChangedAt : 0, local.percentChanged ? local.percentChangedAt : 0];
  return largest(met, [...byHand, ...finishes]);
}

/** What the rules look at when a finished book has a record that lies further back. */
export interface ReadingAgain {
  book: Book;
  answers: readonly Answer[];
  record: Progress;
  local: LocalSide;
  rules: Rules;
}

/**
 * Whether a finished book is really being read again rather than looked into: since it was finished some device must
 * have moved forward by a larger step, from a place at or above the reading threshold to this record.
 */
export function isReadingAgain({ book, answers, record, local, rules }: ReadingAgain): boolean {
  const since = finishedAt(book, local, rules);
  const until = record.timestamp ?? Infinity;
  const heard = book.observations.map((seen) => ({ progress: seen.progress, when: heardAt(seen) }));
  const live = answers.map(({ progress }) => ({ progress, when: progress.timestamp ?? Infinity }));
  return [...heard, ...live]
    .filter(({ progress, when }) => !isOwn(progress) && when > since && when < until)
    .map(({ progress }) => progress.percentage)
    .filter((share) => share >= rules.reading_from && share < rules.finish_at)
    .some((share) => record.percentage - share >= rules.larger_step - NOISE);
}

/**
 * The mark by which a device's sidecar says that this reading of the book is finished, or null. A mark from before the
 * day of the base belongs to an earlier reading; one without a date is believed only while there is no base.
 */
export function finishMark(book: Book): DeviceMark | null {
  const since = book.base?.timestamp ?? null;
  const telling = marksOf(book).filter(
    ({ status, at }) =>
      // A sidecar's date has no hour: it stands for any moment of its day.
      status === "complete" && (book.base === null || since === null || (at !== null && at + DAY > since)),
  );
  return telling.toSorted((one, other) => (one.at ?? Infinity) - (other.at ?? Infinity))[0] ?? null;
}
