/** What a server said in one run, sorted by book. */
import type { Choice } from "../core/ask-choice.ts";
import type { Asker, Question } from "../core/ask-likelihood.ts";
import type { LastWord } from "../model/last-word.ts";
import type { Waiting } from "../core/two-rounds.ts";
import type { SyncError } from "../model/error.ts";
import type { Answer } from "../model/plan.ts";
import type { Progress } from "../model/progress.ts";
import { why, type Why } from "../model/why.ts";
import type { Turn } from "./in-turn.ts";
import { troubleOf, type Trouble } from "./trouble.ts";

/** A question that got no answer: what went wrong, by name, with the status or the cause where there is one. */
export interface Failure extends Trouble {
  readonly document: string;
}

/** What a server said, by book. */
export interface Heard {
  readonly answers: Map<number, Answer[]>;
  /** Single questions that got no answer. */
  readonly failures: Map<number, Failure>;
  /** Books left for another time. */
  readonly waiting: Map<number, Waiting>;
  /** Books that were not come to, or not in full, because the server fell silent before; the next run begins with them. */
  readonly unreached: Map<number, Trouble>;
}

export function nothingHeard(): Heard {
  return { answers: new Map(), failures: new Map(), waiting: new Map(), unreached: new Map() };
}

/** Tells the record to every book that may have the document. */
export function noteAnswer({ answers }: Heard, progress: Progress, askers: Iterable<Asker>): void {
  for (const { book_id, candidate } of askers) {
    const answer: Answer = { progress, candidate, place: null };
    const others = answers.get(book_id);
    if (others === undefined) answers.set(book_id, [answer]);
    else others.push(answer);
  }
}

/** Sorts by book what is left for another time, with the date of the server's last word about it. */
export function noteWaiting(
  { waiting }: Heard,
  { resting, spent }: Choice,
  wordOf: (document: string) => LastWord | null,
): void {
  for (const [questions, isSpent] of [
    [resting, false],
    [spent, true],
  ] as const) {
    for (const { document, askers } of questions) {
      const word = wordOf(document);
      for (const { book_id, candidate } of askers) {
        const before = waiting.get(book_id);
        waiting.set(book_id, {
          asked: latest(before?.asked ?? null, word?.asked ?? null),
          spent: isSpent,
          known: before?.known === true || candidate.answered !== null || (word?.read_at ?? null) !== null,
        });
      }
    }
  }
}

function latest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

/** What became of each question, in the order of the questions. */
export type Turns = readonly Turn<void>[];

/** Sorts by book what had no word: failures of its own, and what the run did not come to, because it `ended`. */
export function noteSilence(
  { failures, unreached }: Heard,
  questions: readonly Question[],
  turns: Turns,
  ended: SyncError | null,
): void {
  for (const [index, { document, askers }] of questions.entries()) {
    const turn = turns[index];
    for (const { book_id } of askers) {
      if (turn?.status === "failed") failures.set(book_id, { document, ...troubleOf(turn.error) });
      else if (turn?.status === "left" && ended !== null) unreached.set(book_id, troubleOf(ended));
    }
  }
}

/** The failure that every question had alike, and that is therefore the server's and not a book's; null for none. */
export function sameFailure(turns: Turns): SyncError | null {
  const [first] = turns;
  if (turns.length < 2 || first?.status !== "failed") return null;
  const { kind, data } = first.error;
  const isAlike = turns.every(
    (turn) => turn.status === "failed" && turn.error.kind === kind && turn.error.data["status"] === data["status"],
  );
  return isAlike ? first.error : null;
}

/** Why nothing is known of a book that had no word; null where nothing went wrong. */
export function silence(failure: Failure | undefined, unreached: Trouble | undefined): Why | null {
  if (failure !== undefined) return why("answer_failed", { ...failure });
  return unreached === undefined ? null : why("not_reached", { ...unreached });
}
