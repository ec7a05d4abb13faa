import type { Base, ColumnUpdate, Conflict, Placeless } from "../model/plan.ts";
import type { Why } from "../model/why.ts";

/** What becomes of one book. */
export interface BookPlan {
  readonly updates: readonly ColumnUpdate[];
  /** What is asked about, instead of written. */
  readonly conflict: Conflict | null;
  /** To be kept once the cells are written; null where what is kept stays true. */
  readonly base: Base | null;
  /** Stands for what is written of a book of which no place is told, and nothing was ever agreed on. */
  readonly placeless: Placeless | null;
  /** Why cells, or all of them, are left as they are. */
  readonly reasons: readonly Why[];
}

/** Leaves a book as it is, for these reasons. */
export function left(...reasons: readonly (Why | null)[]): BookPlan {
  return {
    updates: [],
    conflict: null,
    base: null,
    placeless: null,
    reasons: reasons.filter((reason) => reason !== null),
  };
}
