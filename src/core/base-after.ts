/** The state that both sides agree on: what it is once a book's cells are filled, and what it was made of. */
import type { Base } from "../model/plan.ts";
import { sameRecord } from "./choose-record.ts";
import { changedHere, clearedHere } from "./local-side.ts";
import type { Filled, Filling, Taken } from "./plan-cells.ts";

const NONE: ReadonlySet<string> = new Set();

/**
 * The state both sides agree on once the updates are written. What the reader changed and keeps stays a change, and
 * the columns `left` to what the reader holds there stay unknown.
 */
export function baseAfter(
  filling: Filling,
  { updates, agreed }: Pick<Filled, "updates" | "agreed">,
  left: ReadonlySet<string> = NONE,
): Base {
  const { book, chosen, profile } = filling;
  const values: Base["values"] = {};
  for (const mapping of profile.columns) {
    const { column } = mapping;
    const cell = book.cells[column];
    const before = book.base?.values[column];
    if (cell === undefined || left.has(column)) continue;
    const kept = changedHere(mapping, book) || clearedHere(mapping, book);
    if (!kept || agreed.has(column)) values[column] = cell;
    else if (before !== undefined) values[column] = before;
  }
  for (const { column, after } of updates) values[column] = after;
  const { document, percentage, progress, timestamp, device } = chosen.progress;
  return { book_id: book.book_id, document, percentage, progress, timestamp, device, values };
}

/** The base, or null for one that says what is kept already. */
export function unlessKept(base: Base, kept: Base | null): Base | null {
  if (kept === null || !sameRecord(base, kept) || base.device !== kept.device) return base;
  const columns = Object.keys(base.values);
  const isSame =
    columns.length === Object.keys(kept.values).length &&
    columns.every((column) => base.values[column] === kept.values[column]);
  return isSame ? null : base;
}

/** The record that the base was made of, as far as the base tells it. */
export function agreedRecord({ document, percentage, progress, timestamp, device }: Base): Taken {
  return { progress: { document, percentage, progress, timestamp, device, device_id: null }, place: null };
}
