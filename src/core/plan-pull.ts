import type { Cell } from "../model/cell.ts";
import type { Answer, Base, Book, ColumnUpdate, PullPlan, Reading } from "../model/plan.ts";
import type { ColumnMapping, Profile } from "../model/profile.ts";
import { why } from "../model/why.ts";
import type { Why } from "../model/why.ts";
import { dateCell, fits, percentCell, sameCell, textCell } from "./columns.ts";
import { statusCell, statusOf } from "./status.ts";

/** Records that bear this prefix were put on the server by ourselves when carrying over: never news. */
export const OWN_DEVICE_PREFIX = "calibre-koreader-progress-";

function newest(answers: readonly Answer[]): Answer | null {
  const foreign = answers.filter(({ progress }) => !(progress.device_id ?? "").startsWith(OWN_DEVICE_PREFIX));
  return (
    foreign.toSorted(
      (one, other) =>
        (other.progress.timestamp ?? 0) - (one.progress.timestamp ?? 0) ||
        other.progress.percentage - one.progress.percentage,
    )[0] ?? null
  );
}

/** The value a column should hold after a pull: `undefined` when there is nothing to say, a reason when it cannot be said. */
function wanted(
  mapping: ColumnMapping,
  { progress, place }: Answer,
  { rules, time_zone }: Profile,
): Cell | undefined | Why {
  if (!fits(mapping)) {
    const { column, field, datatype } = mapping;
    return why("column_unfit", { column, field, datatype });
  }
  const word = (made: { cell: Cell } | null, value: string): Cell | Why =>
    made === null ? why("not_in_enumeration", { column: mapping.column, value }) : made.cell;
  switch (mapping.field) {
    case "percent":
      return percentCell(mapping, progress.percentage, rules.finish_at, rules.reading_from);
    case "status": {
      const status = statusOf(progress.percentage, rules);
      return word(statusCell(mapping, status, rules.status_words), rules.status_words[status]);
    }
    case "location":
      return word(textCell(mapping, progress.progress), progress.progress);
    case "device":
      return word(textCell(mapping, progress.device), progress.device);
    case "place":
      return place === null ? undefined : word(textCell(mapping, place), place);
    case "last_read":
      return progress.timestamp === null ? undefined : dateCell(mapping, progress.timestamp, time_zone);
    case "started":
    case "finished":
    case "times_read":
    case "last_synced":
      return undefined;
    default:
      return mapping.field satisfies never;
  }
}

function baseOf(book: Book, { progress }: Answer, updates: readonly ColumnUpdate[]): Base {
  const values = { ...book.cells };
  for (const { column, after } of updates) values[column] = after;
  const { document, percentage, timestamp, device } = progress;
  return { book_id: book.book_id, document, percentage, progress: progress.progress, timestamp, device, values };
}

/** Decides, book by book, whether the server's progress belongs in the library. `now` is epoch seconds. */
export function planPull(readings: Reading[], profile: Profile, now: number): PullPlan {
  const plan: PullPlan = {
    updates: [],
    conflicts: [],
    skipped: [],
    unanswered: [],
    bases: [],
    observations: [],
    digests: [],
    local_changes: [],
    review: [],
  };
  for (const { book, answers } of readings) {
    const { book_id } = book;
    if (answers.length === 0) {
      plan.unanswered.push(book_id);
      plan.skipped.push({ book_id, reason: why("not_on_server", {}) });
      continue;
    }
    const answer = newest(answers);
    if (answer === null) {
      plan.skipped.push({ book_id, reason: why("own_record", {}) });
      continue;
    }
    const { percentage, device, timestamp } = answer.progress;
    const reason = why("first_seen", { percentage, device, timestamp });
    const updates: ColumnUpdate[] = [];
    for (const mapping of profile.columns) {
      const { column } = mapping;
      const before = book.cells[column];
      if (before === undefined) {
        plan.skipped.push({ book_id, reason: why("column_gone", { column }) });
        continue;
      }
      const after = wanted(mapping, answer, profile);
      if (after === undefined) continue;
      if (typeof after === "object" && after !== null) plan.skipped.push({ book_id, reason: after });
      else if (!sameCell(mapping, before, after)) updates.push({ book_id, column, before, after, why: reason });
    }
    const synced = profile.columns.find(({ field }) => field === "last_synced");
    if (updates.length === 0) plan.skipped.push({ book_id, reason: why("unchanged", {}) });
    else if (synced !== undefined && fits(synced) && book.cells[synced.column] !== undefined) {
      const before = book.cells[synced.column] ?? null;
      const after = dateCell(synced, now, profile.time_zone);
      updates.push({ book_id, column: synced.column, before, after, why: why("synced", {}) });
    }
    plan.updates.push(...updates);
    plan.bases.push(baseOf(book, answer, updates));
    plan.observations.push({ book_id, at: now, progress: answer.progress });
  }
  return plan;
}
