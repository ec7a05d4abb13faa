import type { Cell } from "../model/cell.ts";
import type { Answer, Book, ColumnUpdate, DeviceMark, Skip } from "../model/plan.ts";
import type { ColumnMapping, Profile } from "../model/profile.ts";
import type { Progress } from "../model/progress.ts";
import { why } from "../model/why.ts";
import type { Why } from "../model/why.ts";
import { sameRecord } from "./choose-record.ts";
import { countCell, countOf, dateCell, fits, percentCell, shareOf, textCell } from "./columns.ts";
import { least } from "./lists.ts";
import { isEmpty, sameCell } from "./same-cell.ts";
import { dayOf, parseInstant } from "./dates.ts";
import { changedHere, clearedHere, isOurs } from "./local-side.ts";
import type { LocalSide } from "./local-side.ts";
import { isOwn } from "./peek.ts";
import { finishesIn, heardAt } from "./read-throughs.ts";
import { firstReadBy, lastReadBefore, wantedTold } from "./plan-told.ts";
import { readStatus, statusCell, statusOf, STATUSES } from "./status.ts";
import type { Status } from "./status.ts";

/** A record with its place in words. */
export type Taken = Omit<Answer, "candidate">;

/** What filling a book's cells looks at. */
export interface Filling {
  book: Book;
  answers: readonly Answer[];
  /** The record taken; which candidate it answered no longer matters. */
  chosen: Taken;
  local: LocalSide;
  profile: Profile;
  now: number;
  mark: DeviceMark | null;
  reread: boolean;
  why: Why;
}

/** What one column should hold: a value and why, a reason why not, or null when there is nothing to say. */
type Wanted = { after: Cell; why: Why } | { not: Why } | null;

/** The status a record, and a device's mark, give a book. */
export function statusWanted({ progress }: Taken, mark: DeviceMark | null, { rules }: Profile): Status {
  return mark === null ? statusOf(progress.percentage, rules) : "finished";
}

/** When the record was made; without a server's time, now, if we know that it was not there at the last run. */
function madeAt({ progress }: Taken, { base }: Book, now: number): number | null {
  if (progress.timestamp !== null) return Math.min(progress.timestamp, now);
  return base === null || sameRecord(progress, base) ? null : now;
}

/** When the book was finished; a mark without a date, on a book that was not finished at the last run, is from now. */
function finishedAt({ book, chosen, local, mark, now }: Filling): number | null {
  const seen = mark !== null && book.base !== null && !local.finished ? now : null;
  return mark?.at ?? madeAt(chosen, book, now) ?? seen;
}

function wantedStatus(mapping: ColumnMapping, filling: Filling): Wanted {
  const { book, chosen, local, profile, mark, reread, now } = filling;
  const { rules } = profile;
  const { column } = mapping;
  const status = statusWanted(chosen, mark, profile);
  const made = statusCell(mapping, status, rules.status_words);
  if (made === null) return { not: why("not_in_enumeration", { column, value: rules.status_words[status] }) };
  const cell = book.cells[column] ?? null;
  if (sameCell(mapping, cell, made.cell)) return { after: made.cell, why: filling.why };
  const said = readStatus(mapping, cell, rules.status_words);
  // A word we wrote when the profile's words were others is not the reader's own.
  if (said === "own" && !isOurs(mapping, book)) return { not: why("own_word", { column, value: cell }) };
  const { percentage, device, timestamp } = chosen.progress;
  if (said === "finished" && !reread) return { not: why("finished_stays", { percentage, device, timestamp }) };
  if (changedHere(mapping, book) && !reread && keepsStatus(said, status, chosen.progress, local, profile, now))
    return { not: why("status_kept", { column, value: cell }) };
  if (mark === null || statusOf(percentage, rules) === "finished") return { after: made.cell, why: filling.why };
  return { after: made.cell, why: why("finished_on_device", { device: mark.device, timestamp: mark.at }) };
}

/** Whether a status that the reader set by hand outlasts the record's. */
function keepsStatus(
  said: Status | "empty" | "own",
  wanted: Status,
  { timestamp }: Progress,
  local: LocalSide,
  { rules }: Profile,
  now: number,
): boolean {
  const rises = said === "empty" || said === "own" || STATUSES.indexOf(wanted) > STATUSES.indexOf(said);
  switch (rules.conflict) {
    case "server":
      return false;
    case "library":
      return true;
    case "furthest":
      return !rises;
    case "newest":
    case "ask":
      return timestamp === null || Math.min(timestamp, now) <= local.statusChangedAt;
    default:
      return rules.conflict satisfies never;
  }
}

/** The first time the book is known to have been read in, epoch seconds; null when we first met it finished. */
function startedAt({ book, answers, profile: { rules } }: Filling): number | null {
  const read = (progress: Progress): boolean =>
    !isOwn(progress) && progress.percentage >= rules.reading_from && progress.percentage < rules.finish_at;
  const times = [
    ...book.observations.filter(({ progress }) => read(progress)).map(heardAt),
    ...answers.flatMap(({ progress }) => (read(progress) ? [progress.timestamp ?? Infinity] : [])),
  ];
  const first = least(Infinity, times);
  return Number.isFinite(first) ? first : null;
}

/** Dates and counts that are set once: an entry that is there, or that the reader took away, is left alone. */
function wantedOnce(mapping: ColumnMapping, filling: Filling): Wanted {
  const { book, chosen, local, profile, mark, now } = filling;
  const cell = book.cells[mapping.column] ?? null;
  const status = statusWanted(chosen, mark, profile);
  if (mapping.field === "times_read") return wantedCount(mapping, filling);
  if (mapping.field === "started") return status === "unread" ? null : wantedStart(mapping, filling);
  if (!isEmpty(cell) || clearedHere(mapping, book)) return null;
  if (status !== "finished" || local.status === "own") return null;
  const at = finishedAt(filling);
  const told = at === null ? null : lastReadBefore(book, at, mark === null && chosen.file === undefined, now);
  if (told !== null)
    return {
      after: dateCell(mapping, told.at, profile.time_zone),
      why: why("finished_told", { device: told.device, timestamp: told.at }),
    };
  const device = mark === null ? chosen.progress.device : mark.device;
  return at === null
    ? null
    : { after: dateCell(mapping, at, profile.time_zone), why: why("finished", { timestamp: at, device }) };
}

/** When the book was begun: by a device's statistics where they know it earlier, also over what we wrote ourselves. */
function wantedStart(mapping: ColumnMapping, filling: Filling): Wanted {
  const { book, profile, now } = filling;
  const cell = book.cells[mapping.column] ?? null;
  const told = firstReadBy(book, now);
  const seen = startedAt(filling);
  const isTold = told !== null && (seen === null || told.at < seen);
  const at = isTold ? told.at : seen;
  if (at === null) return null;
  const after = dateCell(mapping, Math.min(at, now), profile.time_zone);
  const reason = isTold
    ? why("started_told", { device: told.device, timestamp: at })
    : why("started", { timestamp: at });
  if (isEmpty(cell)) return clearedHere(mapping, book) ? null : { after, why: reason };
  const stands = typeof cell === "string" ? parseInstant(cell) : null;
  const isEarlier = isTold && isOurs(mapping, book) && stands !== null && at < stands;
  return isEarlier && mapping.datatype === "datetime" ? { after, why: reason } : null;
}

function wantedCount(mapping: ColumnMapping, filling: Filling): Wanted {
  const { book, chosen, local, profile, mark, reread } = filling;
  if (clearedHere(mapping, book)) return null;
  const known = countOf(book.cells[mapping.column] ?? null);
  const before = finishesIn(book.observations, profile.rules);
  const finishes = statusWanted(chosen, mark, profile) === "finished" && !local.finished;
  const least = local.finished || reread || finishes ? 1 : 0;
  // Without a base a count that is there was made by somebody who knew.
  const times = finishes && book.base !== null ? (known ?? before) + 1 : Math.max(known ?? before, least);
  if (times === 0 || times === known) return null;
  return { after: countCell(mapping, times), why: why("times_read", { times }) };
}

function wantedWord(mapping: ColumnMapping, text: string, reason: Why): Wanted {
  if (text.trim() === "") return null;
  const made = textCell(mapping, text);
  return made === null
    ? { not: why("not_in_enumeration", { column: mapping.column, value: text }) }
    : { after: made.cell, why: reason };
}

function wantedPlace(mapping: ColumnMapping, { book, chosen, why: reason }: Filling): Wanted {
  if (chosen.place !== null) return wantedWord(mapping, chosen.place, reason);
  // What cannot be told empties no cell; that the words are those of an earlier place is said, if they are ours.
  const moved = book.base !== null && book.base.progress !== chosen.progress.progress;
  const { column } = mapping;
  const isStale = moved && !changedHere(mapping, book) && !isEmpty(book.cells[column] ?? null);
  return isStale ? { not: why("place_untold", { column }) } : null;
}

/** What a column should hold once the record is taken. */
export function wantedCell(mapping: ColumnMapping, filling: Filling): Wanted {
  const { book, chosen, profile, now, why: reason } = filling;
  const { progress } = chosen;
  switch (mapping.field) {
    case "percent": {
      const { finish_at, reading_from } = profile.rules;
      return { after: percentCell(mapping, progress.percentage, finish_at, reading_from), why: reason };
    }
    case "status":
      return wantedStatus(mapping, filling);
    case "location":
      return wantedWord(mapping, progress.progress, reason);
    case "device":
      return wantedWord(mapping, progress.device, reason);
    case "place":
      return wantedPlace(mapping, filling);
    case "last_read": {
      const at = madeAt(chosen, book, now);
      return at === null ? null : { after: dateCell(mapping, at, profile.time_zone), why: reason };
    }
    case "started":
    case "finished":
    case "times_read":
      return wantedOnce(mapping, filling);
    case "rating":
    case "review":
    case "read_time":
    case "days_read":
    case "time_left":
      return wantedTold(mapping, book, profile.rules, statusWanted(chosen, filling.mark, profile) === "finished", now);
    case "last_synced":
      return null;
    default:
      return mapping.field satisfies never;
  }
}

/**
 * Cells that hold something else than the record would write, among columns that no base knows. An unread book differs
 * from nothing, and neither does what we wrote ourselves.
 */
export function differingCells(
  mappings: readonly ColumnMapping[],
  filling: Filling,
): { column: string; value: Cell }[] {
  const { book, profile } = filling;
  return mappings.flatMap((mapping) => {
    const cell = book.cells[mapping.column] ?? null;
    if (isEmpty(cell) || !fits(mapping) || isOurs(mapping, book)) return [];
    if (mapping.field === "percent" && shareOf(mapping, cell) === 0) return [];
    if (mapping.field === "status") {
      const said = readStatus(mapping, cell, profile.rules.status_words);
      // "No" in a yes/no column is what calibre shows for most books that nobody ever marked.
      if (said === "unread" || said === "own" || (mapping.datatype === "bool" && cell === false)) return [];
    }
    if (["started", "finished", "times_read", "last_synced"].includes(mapping.field)) return [];
    const wanted = wantedCell(mapping, filling);
    if (wanted === null || "not" in wanted || sameCell(mapping, cell, wanted.after)) return [];
    if (mapping.datatype === "datetime" && sameDay(cell, wanted.after, profile.time_zone)) return [];
    return [{ column: mapping.column, value: cell }];
  });
}

function sameDay(one: Cell, other: Cell, timeZone: string | null): boolean {
  const [first, second] = [one, other].map((cell) => (typeof cell === "string" ? parseInstant(cell) : null));
  return (
    first !== null &&
    first !== undefined &&
    second !== null &&
    second !== undefined &&
    dayOf(first, timeZone) === dayOf(second, timeZone)
  );
}

/** What taking a record does to a book's cells. */
export interface Filled {
  updates: ColumnUpdate[];
  skipped: Skip[];
  /** Columns that hold already what the record would write. */
  agreed: ReadonlySet<string>;
}

/** What taking a record writes into the given columns, and which cells it leaves with a reason. */
export function fillCells(mappings: readonly ColumnMapping[], filling: Filling): Filled {
  const { book, profile, now } = filling;
  const { book_id } = book;
  const updates: ColumnUpdate[] = [];
  const skipped: Skip[] = [];
  const agreed = new Set<string>();
  for (const mapping of mappings) {
    const { column, field, datatype } = mapping;
    const before = book.cells[column];
    if (before === undefined) skipped.push({ book_id, reason: why("column_gone", { column }) });
    else if (!fits(mapping)) skipped.push({ book_id, reason: why("column_unfit", { column, field, datatype }) });
    else {
      const wanted = wantedCell(mapping, filling);
      if (wanted === null) continue;
      if ("not" in wanted) skipped.push({ book_id, reason: wanted.not });
      else if (sameCell(mapping, before, wanted.after)) agreed.add(column);
      else updates.push({ book_id, column, before, after: wanted.after, why: wanted.why });
    }
  }
  const synced = profile.columns.find(({ field }) => field === "last_synced");
  const before = synced === undefined ? undefined : book.cells[synced.column];
  if (updates.length > 0 && synced !== undefined && before !== undefined && fits(synced)) {
    const after = dateCell(synced, now, profile.time_zone);
    if (!sameCell(synced, before, after))
      updates.push({ book_id, column: synced.column, before, after, why: why("synced", {}) });
  }
  return { updates, skipped, agreed };
}
