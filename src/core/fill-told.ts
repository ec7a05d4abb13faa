/** Stars, review and hours are news of their own: beside a place that is none, and of a book of which no place is told. */
import type { DeviceReading } from "../model/device-reading.ts";
import type { Book, Declined, Placeless } from "../model/plan.ts";
import type { Profile } from "../model/profile.ts";
import { why } from "../model/why.ts";
import type { BookPlan } from "./book-plan.ts";
import { sameRecord } from "./choose-record.ts";
import type { LocalSide } from "./local-side.ts";
import { fillCells } from "./plan-cells.ts";
import type { Filling } from "./plan-cells.ts";
import { isTold, newestTold } from "./plan-told.ts";
import { finishMark } from "./reread.ts";

/** The plan of a book with what is told of it beside a place. */
export function withTold(plan: BookPlan, filling: Filling): BookPlan {
  const { book, profile } = filling;
  const newest = newestTold(book);
  const base = plan.base ?? book.base;
  // Where nothing was agreed on nothing is: what is written is known as ours, what is declined by its stand-in.
  if (newest === null || (base === null && isDeclined(book, newest))) return plan;
  const planned = new Set(plan.updates.map(({ column }) => column));
  const mappings = profile.columns.filter(({ field, column }) => isTold(field) && !planned.has(column));
  const { updates } = fillCells(mappings, filling);
  if (updates.length === 0) return plan;
  const values = Object.fromEntries(updates.map(({ column, after }) => [column, after]));
  return {
    ...plan,
    updates: [...plan.updates, ...updates],
    base: base === null ? null : { ...base, book_id: book.book_id, values: { ...base.values, ...values } },
    placeless: base === null ? placelessOf(book, newest) : null,
    reasons: plan.reasons.filter(({ code }) => code !== "unchanged"),
  };
}

/** What becomes of a book of which no place is told, by nobody; `nothing` where nothing else is told either. */
export function planToldAlone(
  nothing: BookPlan,
  book: Book,
  local: LocalSide,
  profile: Profile,
  now: number,
): BookPlan {
  const { base } = book;
  const newest = newestTold(book);
  // Who took back what was agreed on wants nothing beside it either.
  if (newest === null || (base !== null && book.declined.some((said) => sameRecord(said, base)))) return nothing;
  const { document, percentage, progress, timestamp } = base ?? placelessOf(book, newest);
  const told = { document, percentage, progress, timestamp, device: newest.device, device_id: null };
  const chosen = { progress: told, place: null };
  const given = { book, answers: [], local, profile, now, mark: finishMark(book), reread: false };
  return withTold(nothing, { ...given, chosen, why: why("unchanged", {}) });
}

function placelessOf({ book_id }: Book, { digest }: DeviceReading): Placeless {
  return { book_id, document: digest, percentage: 0, progress: "", timestamp: null };
}

function isPlaceless({ side, timestamp, progress, percentage }: Declined): boolean {
  return side === "theirs" && timestamp === null && progress === "" && percentage === 0;
}

/** Whether the reader said no to what is told without a place, and no file has told anything since. */
function isDeclined({ declined }: Book, { at }: DeviceReading): boolean {
  return declined.some((said) => isPlaceless(said) && (at ?? 0) <= said.at);
}
