import type { Base, Reading } from "../model/plan.ts";
import type { ColumnMapping, Profile } from "../model/profile.ts";
import { why } from "../model/why.ts";
import type { Why } from "../model/why.ts";
import { left } from "./book-plan.ts";
import type { BookPlan } from "./book-plan.ts";
import { agreedRecord, baseAfter, unlessKept } from "./base-after.ts";
import { chooseRecord, sameRecord } from "./choose-record.ts";
import { largest } from "./lists.ts";
import { isEmpty } from "./same-cell.ts";
import { decide } from "./conflict.ts";
import { planToldAlone, withTold } from "./fill-told.ts";
import { unknownColumns } from "./local-side.ts";
import type { LocalSide } from "./local-side.ts";
import { differingCells, fillCells, statusWanted } from "./plan-cells.ts";
import type { Filling } from "./plan-cells.ts";
import { finishMark } from "./reread.ts";

const NONE: ReadonlySet<string> = new Set();

/**
 * Takes the record into these columns; the columns in `kept` are for the reader to decide about, and `rest` says why
 * all others are left as they are.
 */
function take(filling: Filling, mappings: readonly ColumnMapping[], kept = NONE, rest: Why | null = null): BookPlan {
  const { book, chosen, local } = filling;
  const filled = fillCells(
    mappings.filter(({ column }) => !kept.has(column)),
    filling,
  );
  const { percentage, device } = chosen.progress;
  const reasons = filled.skipped.map(({ reason }) => reason);
  if (kept.size > 0 && filling.profile.rules.conflict === "library" && rest?.code !== "policy_library")
    reasons.push(why("policy_library", { percentage, from: local.share, device }));
  if (rest !== null) reasons.push(rest);
  else if (kept.size === 0 && filled.updates.length === 0 && reasons.length === 0) reasons.push(why("unchanged", {}));
  const base = unlessKept(baseAfter(filling, filled, kept), book.base);
  return { updates: filled.updates, conflict: null, base, placeless: null, reasons };
}

/** Asks about these columns; `rest` as in `take`. */
function ask(filling: Filling, mappings: readonly ColumnMapping[], rest: Why | null = null): BookPlan {
  const { updates, agreed } = fillCells(mappings, filling);
  // Nobody need be asked about cells that would not change.
  if (updates.length === 0) return take(filling, mappings, NONE, rest);
  const { book, chosen } = filling;
  const base = baseAfter(filling, { updates, agreed });
  const conflict = { book_id: book.book_id, theirs: chosen.progress, updates, base, why: filling.why, side: null };
  return { ...left(rest), conflict };
}

/** Columns that no base knows and that the reader filled otherwise: `library` leaves them, whatever else is taken. */
function leftToTheReader(filling: Filling): ReadonlySet<string> {
  const { book, profile } = filling;
  if (book.base === null || profile.rules.conflict !== "library") return NONE;
  return new Set(differingCells(unknownColumns(book, profile), filling).map(({ column }) => column));
}

/** Fills columns that were mapped after the base was made; a hand-filled one is the reader's to decide about. */
function fillNewColumns(filling: Filling, unknown: readonly ColumnMapping[], rest: Why | null, kept = NONE): BookPlan {
  const { profile, chosen } = filling;
  const { percentage, device, timestamp } = chosen.progress;
  const { conflict } = profile.rules;
  const [first] = conflict === "server" || conflict === "library" ? [] : differingCells(unknown, filling);
  if (first === undefined) {
    const reason = why("new_column", { column: unknown[0]?.column ?? null, percentage, device, timestamp });
    return take({ ...filling, why: reason }, unknown, new Set([...kept, ...leftToTheReader(filling)]), rest);
  }
  const reason = why("no_base_differs", { ...first, percentage, device, timestamp });
  return ask({ ...filling, why: reason }, unknown, rest);
}

/**
 * Columns that were mapped since the base show what was agreed on, as the others do, when the server has nothing that
 * is taken; `rest` says why, beside what was filled. Null where there is nothing to show.
 */
function fillFromBase(filling: Filling, rest: Why | null): BookPlan | null {
  const { book, chosen, profile } = filling;
  const { base } = book;
  const unknown = unknownColumns(book, profile);
  if (base === null || book.declined.some((said) => sameRecord(said, base))) return null;
  if (sameRecord(chosen.progress, base)) return unknown.length === 0 ? null : fillNewColumns(filling, unknown, rest);
  // What was agreed on is older than what the server has by now: worth showing where nothing stands.
  const empty = unknown.filter(({ column }) => isEmpty(book.cells[column] ?? null));
  if (empty.length === 0) return null;
  const filled = new Set(unknown.filter((mapping) => !empty.includes(mapping)).map(({ column }) => column));
  return fillNewColumns({ ...filling, chosen: agreedRecord(base) }, empty, rest, filled);
}

/** Leaves a book as it is and says why, but for columns that were mapped since the base. */
function leave(filling: Filling, reason: Why): BookPlan {
  return fillFromBase(filling, reason.code === "unchanged" ? null : reason) ?? left(reason);
}

/** The server said nothing new: a device's sidecar may, a column may be new, or the library may have moved. */
function planSettled(filling: Filling, base: Base): BookPlan {
  const { book, chosen, local, profile, mark } = filling;
  const { percentage, device, timestamp } = chosen.progress;
  const current = sameRecord(chosen.progress, base);
  if (current && mark !== null && !local.finished && !local.statusChanged) {
    const told = profile.columns.filter(({ field }) => ["status", "finished", "times_read"].includes(field));
    const data = { device: mark.device, timestamp: mark.at };
    const unknown = unknownColumns(book, profile).filter((mapping) => !told.includes(mapping));
    const kept = new Set(unknown.map(({ column }) => column));
    return take({ ...filling, why: why("finished_on_device", data) }, told, kept);
  }
  if (local.percentChanged || local.statusChanged)
    return leave(filling, why("changed_here", { percentage: local.share }));
  if (current) return leave(filling, why("unchanged", {}));
  return leave(filling, why("older_record", { percentage, device, timestamp, base_timestamp: base.timestamp }));
}

function statusDiffers(filling: Filling): { column: string; value: string; wanted: string } | null {
  const { book, chosen, local, profile, mark } = filling;
  const mapping = profile.columns.find(({ field }) => field === "status");
  const wanted = statusWanted(chosen, mark, profile);
  if (mapping === undefined || !local.statusChanged || local.status === "own" || local.status === "finished")
    return null;
  if (local.status === wanted) return null;
  const words = profile.rules.status_words;
  return { column: mapping.column, value: String(book.cells[mapping.column] ?? ""), wanted: words[wanted] };
}

/** How far the book is anywhere, by what the reader did not say no to. */
function furthest({ book, answers }: Reading): number {
  const live = answers.filter(({ progress }) => !book.declined.some((said) => sameRecord(said, progress)));
  return largest(
    0,
    live.map(({ progress }) => progress.percentage),
  );
}

/** Decides whether what the server says of a book, at least one answer, belongs in the library. */
export function planBook(reading: Reading, local: LocalSide, profile: Profile, now: number): BookPlan {
  const { book, answers } = reading;
  const choice = chooseRecord(book, answers, local.share, profile);
  const mark = finishMark(book);
  const given = { book, answers, local, profile, now, mark, reread: false };
  if ("none" in choice) {
    // Who said no to what the server has wants nothing of it, in no column.
    if (choice.none.code === "declined") return left(choice.none);
    if (book.base === null) return planToldAlone(left(choice.none), book, local, profile, now);
    const agreed = { ...given, chosen: agreedRecord(book.base), why: choice.none };
    return withTold(leave(agreed, choice.none), agreed);
  }
  const { chosen } = choice;
  const { percentage, device, timestamp } = chosen.progress;
  const filling: Filling = { ...given, chosen, why: why("first_seen", { percentage, device, timestamp }) };
  const decision = decide({
    book,
    answers,
    record: chosen.progress,
    local,
    profile,
    now,
    differing: differingCells(unknownColumns(book, profile), filling),
    statusDiffers: statusDiffers(filling),
    elsewhere: furthest(reading),
    isFile: chosen.file !== undefined,
  });
  if (decision.outcome === "settled") return withTold(planSettled(filling, decision.base), filling);
  if (decision.outcome === "keep") return withTold(leave(filling, decision.why), filling);
  const { reread } = decision;
  // A book that is read again is not finished, whatever an old mark says.
  const decided = { ...filling, why: decision.why, reread, mark: reread ? null : mark };
  return decision.outcome === "take"
    ? take(decided, profile.columns, leftToTheReader(decided))
    : ask(decided, profile.columns);
}
