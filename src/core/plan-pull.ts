import { emptyPlan } from "../model/plan.ts";
import type { Base, Book, Observation, PullPlan, Reading } from "../model/plan.ts";
import type { ColumnMapping, Profile } from "../model/profile.ts";
import { why } from "../model/why.ts";
import type { Why } from "../model/why.ts";
import { asHeard } from "./as-heard.ts";
import { chooseRecord, sameRecord } from "./choose-record.ts";
import { append, largest } from "./lists.ts";
import { isEmpty } from "./same-cell.ts";
import { decide } from "./conflict.ts";
import { changedHere, clearedHere, isOurs, localSide, unknownColumns, withOwnBase } from "./local-side.ts";
import type { LocalSide } from "./local-side.ts";
import { matchProgress } from "./match-progress.ts";
import { withFiles } from "./one-story.ts";
import { isOwn } from "./peek.ts";
import { differingCells, fillCells, statusWanted } from "./plan-cells.ts";
import type { Filled, Filling, Taken } from "./plan-cells.ts";
import { isTold } from "./plan-told.ts";
import { finishMark } from "./reread.ts";

const NONE: ReadonlySet<string> = new Set();

/** What the servers said that the reading log does not hold yet. */
function newObservations({ book, answers }: Reading, now: number): Observation[] {
  const { book_id } = book;
  return answers
    .filter(({ progress }) => !isOwn(progress))
    .filter(({ progress }) => !book.observations.some((seen) => sameRecord(seen.progress, progress)))
    .map(({ progress }) => ({ book_id, at: now, progress }))
    .toSorted((one, other) => (one.progress.timestamp ?? now) - (other.progress.timestamp ?? now));
}

/**
 * The state both sides agree on once the updates are written. What the reader changed and keeps stays a change, and
 * the columns `left` to what the reader holds there stay unknown.
 */
export function baseAfter(filling: Filling, { updates, agreed }: Filled, left: ReadonlySet<string> = NONE): Base {
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

/**
 * Takes the record into these columns; the columns in `left` are for the reader to decide about, and `rest` says why
 * all others are left as they are.
 */
function take(
  plan: PullPlan,
  filling: Filling,
  mappings: readonly ColumnMapping[],
  left = NONE,
  rest: Why | null = null,
): void {
  const { book, chosen, local } = filling;
  const { book_id } = book;
  const filled = fillCells(
    mappings.filter(({ column }) => !left.has(column)),
    filling,
  );
  append(plan.updates, filled.updates);
  append(plan.skipped, filled.skipped);
  const base = baseAfter(filling, filled, left);
  // What is agreed already need not be kept again.
  if (!isSameBase(base, book.base)) plan.bases.push(base);
  const { percentage, device } = chosen.progress;
  const reason = (said: Why): number => plan.skipped.push({ book_id, reason: said });
  if (left.size > 0 && filling.profile.rules.conflict === "library" && rest?.code !== "policy_library")
    reason(why("policy_library", { percentage, from: local.share, device }));
  if (rest !== null) reason(rest);
  else if (left.size === 0 && filled.updates.length === 0 && filled.skipped.length === 0) reason(why("unchanged", {}));
}

function isSameBase(one: Base, other: Base | null): boolean {
  if (other === null || !sameRecord(one, other) || one.device !== other.device) return false;
  const columns = Object.keys(one.values);
  return (
    columns.length === Object.keys(other.values).length &&
    columns.every((column) => one.values[column] === other.values[column])
  );
}

/** Asks about these columns; `rest` as in `take`. */
function ask(plan: PullPlan, filling: Filling, mappings: readonly ColumnMapping[], rest: Why | null = null): void {
  const { updates, ...filled } = fillCells(mappings, filling);
  const { book, chosen } = filling;
  const { book_id } = book;
  // Nobody need be asked about cells that would not change.
  if (updates.length === 0) {
    take(plan, filling, mappings, NONE, rest);
    return;
  }
  const base = baseAfter(filling, { ...filled, updates });
  plan.conflicts.push({ book_id, theirs: chosen.progress, updates, base, why: filling.why, side: null });
  if (rest !== null) plan.skipped.push({ book_id, reason: rest });
}

/** Columns that no base knows and that the reader filled otherwise: `library` leaves them, whatever else is taken. */
function leftToTheReader(filling: Filling): ReadonlySet<string> {
  const { book, profile } = filling;
  if (book.base === null || profile.rules.conflict !== "library") return NONE;
  return new Set(differingCells(unknownColumns(book, profile), filling).map(({ column }) => column));
}

/** Fills columns that were mapped after the base was made; a hand-filled one is the reader's to decide about. */
function fillNewColumns(
  plan: PullPlan,
  filling: Filling,
  unknown: readonly ColumnMapping[],
  rest: Why | null,
  left = NONE,
): void {
  const { profile, chosen } = filling;
  const { percentage, device, timestamp } = chosen.progress;
  const { conflict } = profile.rules;
  const [first] = conflict === "server" || conflict === "library" ? [] : differingCells(unknown, filling);
  if (first === undefined) {
    const reason = why("new_column", { column: unknown[0]?.column ?? null, percentage, device, timestamp });
    take(plan, { ...filling, why: reason }, unknown, new Set([...left, ...leftToTheReader(filling)]), rest);
  } else {
    const reason = why("no_base_differs", { ...first, percentage, device, timestamp });
    ask(plan, { ...filling, why: reason }, unknown, rest);
  }
}

/** The record that the base was made of, as far as the base tells it. */
function agreedRecord({ document, percentage, progress, timestamp, device }: Base): Taken {
  return { progress: { document, percentage, progress, timestamp, device, device_id: null }, place: null };
}

/**
 * Columns that were mapped since the base show what was agreed on, as the others do, when the server has nothing that
 * is taken; `rest` says why, beside what was filled. Whether there was anything to show.
 */
function fillFromBase(plan: PullPlan, filling: Filling, rest: Why | null): boolean {
  const { book, chosen, profile } = filling;
  const { base } = book;
  const unknown = unknownColumns(book, profile);
  if (base === null || book.declined.some((said) => sameRecord(said, base))) return false;
  if (sameRecord(chosen.progress, base)) {
    if (unknown.length > 0) fillNewColumns(plan, filling, unknown, rest);
    return unknown.length > 0;
  }
  // What was agreed on is older than what the server has by now: worth showing where nothing stands.
  const empty = unknown.filter(({ column }) => isEmpty(book.cells[column] ?? null));
  if (empty.length === 0) return false;
  const filled = new Set(unknown.filter((mapping) => !empty.includes(mapping)).map(({ column }) => column));
  fillNewColumns(plan, { ...filling, chosen: agreedRecord(base) }, empty, rest, filled);
  return true;
}

/** Leaves a book as it is and says why, but for columns that were mapped since the base. */
function leave(plan: PullPlan, filling: Filling, reason: Why): void {
  const isFilled = fillFromBase(plan, filling, reason.code === "unchanged" ? null : reason);
  if (!isFilled) plan.skipped.push({ book_id: filling.book.book_id, reason });
}

/** The server said nothing new: a device's sidecar may, a column may be new, or the library may have moved. */
function planSettled(plan: PullPlan, filling: Filling): void {
  const { book, chosen, local, profile, mark } = filling;
  const { base } = book;
  if (base === null) return;
  const { percentage, device, timestamp } = chosen.progress;
  const current = sameRecord(chosen.progress, base);
  if (current && mark !== null && !local.finished && !local.statusChanged) {
    const told = profile.columns.filter(({ field }) => ["status", "finished", "times_read"].includes(field));
    const data = { device: mark.device, timestamp: mark.at };
    const unknown = unknownColumns(book, profile).filter((mapping) => !told.includes(mapping));
    const left = new Set(unknown.map(({ column }) => column));
    take(plan, { ...filling, why: why("finished_on_device", data) }, told, left);
    return;
  }
  if (local.percentChanged || local.statusChanged)
    leave(plan, filling, why("changed_here", { percentage: local.share }));
  else if (current) leave(plan, filling, why("unchanged", {}));
  else leave(plan, filling, why("older_record", { percentage, device, timestamp, base_timestamp: base.timestamp }));
}

/** Where a book's own part of the plan's lists begins. */
type Own = Readonly<Record<"updates" | "bases" | "skipped", number>>;

/** Stars, review and hours are news of their own, also where the place is none. */
function fillTold(plan: PullPlan, filling: Filling, own: Own): void {
  const { book, profile } = filling;
  const planned = new Set(plan.updates.slice(own.updates).map(({ column }) => column));
  const mappings = profile.columns.filter(({ field, column }) => isTold(field) && !planned.has(column));
  const base = plan.bases[own.bases] ?? book.base;
  if (mappings.length === 0 || base === null) return;
  const { updates } = fillCells(mappings, filling);
  if (updates.length === 0) return;
  append(plan.updates, updates);
  const values = Object.fromEntries(updates.map(({ column, after }) => [column, after]));
  plan.bases[own.bases] = { ...base, book_id: book.book_id, values: { ...base.values, ...values } };
  const reasons = plan.skipped.splice(own.skipped);
  append(
    plan.skipped,
    reasons.filter(({ reason }) => reason.code !== "unchanged"),
  );
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

function planBook(plan: PullPlan, reading: Reading, local: LocalSide, profile: Profile, now: number): void {
  const { book, answers } = reading;
  const { book_id } = book;
  const choice = chooseRecord(book, answers, local.share, profile);
  const mark = finishMark(book);
  const given = { book, answers, local, profile, now, mark, reread: false };
  if ("none" in choice) {
    // Who said no to what the server has wants nothing of it, in no column.
    const agreed = choice.none.code === "declined" ? null : book.base;
    const filling = agreed === null ? null : { ...given, chosen: agreedRecord(agreed), why: choice.none };
    if (filling === null) plan.skipped.push({ book_id, reason: choice.none });
    else leave(plan, filling, choice.none);
    return;
  }
  const { chosen } = choice;
  const { percentage, device, timestamp } = chosen.progress;
  const filling: Filling = { ...given, chosen, why: why("first_seen", { percentage, device, timestamp }) };
  const live = answers.filter(({ progress }) => !book.declined.some((said) => sameRecord(said, progress)));
  const decision = decide({
    book,
    answers,
    record: chosen.progress,
    local,
    profile,
    now,
    differing: differingCells(unknownColumns(book, profile), filling),
    statusDiffers: statusDiffers(filling),
    elsewhere: largest(
      0,
      live.map(({ progress }) => progress.percentage),
    ),
    isFile: chosen.file !== undefined,
  });
  if (decision.outcome === "settled" || decision.outcome === "keep") {
    const own: Own = { updates: plan.updates.length, bases: plan.bases.length, skipped: plan.skipped.length };
    if (decision.outcome === "settled") planSettled(plan, filling);
    else leave(plan, filling, decision.why);
    fillTold(plan, filling, own);
  } else {
    const { reread } = decision;
    // A book that is read again is not finished, whatever an old mark says.
    const decided = { ...filling, why: decision.why, reread, mark: reread ? null : mark };
    if (decision.outcome === "take") take(plan, decided, profile.columns, leftToTheReader(decided));
    else ask(plan, decided, profile.columns);
  }
}

/** Why the reader must see this plan, whatever the profile says of reviews. */
function reviewReasons(plan: PullPlan, books: readonly Book[], profile: Profile): Why[] {
  if (plan.updates.length === 0 && plan.conflicts.length === 0) return [];
  if (!profile.ran_before) return [why("first_run", {})];
  const touched = new Set([...plan.updates, ...plan.conflicts].map(({ book_id }) => book_id));
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
    if (answers.length > 0) planBook(plan, reading, local, profile, now);
    else if (!matched.bereft.has(book_id)) {
      plan.unanswered.push(book_id);
      plan.skipped.push({ book_id, reason: why("not_on_server", {}) });
    }
  }
  plan.review = reviewReasons(
    plan,
    readings.map(({ book }) => withOwnBase(book, profile)),
    profile,
  );
  return plan;
}
