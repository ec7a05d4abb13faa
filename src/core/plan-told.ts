/** Stars, review and hours: what KOReader's own files tell beside a place, and no server does. */
import type { Cell } from "../model/cell.ts";
import type { DeviceReading } from "../model/device-reading.ts";
import type { Book } from "../model/plan.ts";
import type { ColumnField, ColumnMapping, Rules } from "../model/profile.ts";
import { why } from "../model/why.ts";
import type { Why } from "../model/why.ts";
import { SKEW } from "./skew.ts";
import { isOurs } from "./local-side.ts";
import { currentReadings, timeTold } from "./one-story.ts";
import { reviewCell } from "./review-cell.ts";
import { isEmpty, sameCell } from "./same-cell.ts";

/** The fields that only KOReader's own files fill. */
export const TOLD_FIELDS = ["rating", "review", "read_time", "days_read", "time_left"] as const satisfies ColumnField[];
export type ToldField = (typeof TOLD_FIELDS)[number];

export function isTold(field: ColumnField): field is ToldField {
  return TOLD_FIELDS.some((told) => told === field);
}

/** What is to stand in a cell, told by which device when (epoch seconds). */
interface Told {
  readonly cell: Cell;
  readonly device: string;
  readonly at: number | null;
}

/** What one column should hold: a value and why, a reason why not, or null when there is nothing to say. */
type Wanted = { after: Cell; why: Why } | { not: Why } | null;

const newestFirst = (one: DeviceReading, other: DeviceReading): number =>
  (other.at ?? -Infinity) - (one.at ?? -Infinity) || (one.device_id < other.device_id ? -1 : 1);

/** The newest reading that tells this at all: what a device does not tell says nothing. */
function newest(
  readings: readonly DeviceReading[],
  key: "rating" | "review" | "time_left" | "read_time" | "read_on",
): DeviceReading | null {
  return readings.filter((reading) => reading[key] !== null).toSorted(newestFirst)[0] ?? null;
}

/**
 * A sum over the copies of a book, of each copy the most that any device knows: devices that share their statistics know
 * of the same hours.
 */
function timeIn(readings: readonly DeviceReading[]): number {
  const most = new Map<string, number>();
  for (const { digest, read_time } of readings) most.set(digest, Math.max(most.get(digest) ?? 0, read_time ?? 0));
  return [...most.values()].reduce((sum, each) => sum + each, 0);
}

/** On how many days any copy of a book was read, by any device: a day on which two were read is one. */
function daysIn(readings: readonly DeviceReading[]): number {
  return new Set(readings.flatMap(({ read_on }) => read_on ?? [])).size;
}

/** A length in seconds as its column holds it: whole minutes, hours with two places, or `5 h 12 min`. */
export function lengthCell({ datatype }: Pick<ColumnMapping, "datatype">, seconds: number): Cell {
  const minutes = Math.round(seconds / 60);
  if (datatype === "int") return minutes;
  if (datatype === "float") return Math.round(seconds / 36) / 100;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes} min` : `${hours} h ${minutes % 60} min`;
}

/** What the devices tell of a field; null where none tells anything. */
function toldOf(mapping: ColumnMapping, readings: readonly DeviceReading[], isFinished: boolean): Told | null {
  const { field, datatype } = mapping;
  if (field === "rating") {
    const told = newest(readings, "rating");
    if (told?.rating === null || told === null) return null;
    return { ...told, cell: datatype === "rating" ? told.rating * 2 : told.rating };
  }
  if (field === "review") {
    const told = newest(readings, "review");
    return told?.review === null || told === null ? null : { ...told, cell: reviewCell(mapping, told.review) };
  }
  if (field === "time_left") {
    const told = newest(readings, "time_left");
    if (told?.time_left === null || told === null) return null;
    return { ...told, cell: lengthCell(mapping, isFinished ? 0 : told.time_left) };
  }
  if (field === "read_time") {
    const [seconds, last] = [timeIn(readings), newest(readings, "read_time")];
    return seconds === 0 || last === null ? null : { ...last, cell: lengthCell(mapping, seconds) };
  }
  const [days, last] = [daysIn(readings), newest(readings, "read_on")];
  return days === 0 || last === null ? null : { ...last, cell: datatype === "text" ? String(days) : days };
}

/** Half a star of the library's is what KOReader, which has whole ones alone, can tell no nearer. */
function isSameTold(mapping: ColumnMapping, cell: Cell, told: Cell): boolean {
  if (sameCell(mapping, cell, told)) return true;
  const isHalf = mapping.datatype === "rating" && typeof cell === "number" && cell % 2 === 1;
  return isHalf && typeof told === "number" && Math.abs(cell - told) === 1;
}

/** Minutes, hours or days as a number that can be compared; null for what is none. */
function amountOf(cell: Cell): number | null {
  if (typeof cell === "number") return cell;
  const found = /^(?:(\d{1,9}) h )?(\d{1,9})(?: min)?$/.exec(String(cell ?? "").trim());
  return found === null ? null : Number(found[1] ?? 0) * 60 + Number(found[2]);
}

/** Hours and days only grow: a database that was reset tells of fewer. */
function isLess({ field }: ColumnMapping, told: Cell, cell: Cell): boolean {
  if (field !== "read_time" && field !== "days_read") return false;
  const [now, before] = [amountOf(told), amountOf(cell)];
  return now !== null && before !== null && now < before;
}

/** Whether what the reader put into a cell by hand gives way. */
function givesWay({ column }: ColumnMapping, { at }: Told, book: Book, { conflict }: Rules): boolean {
  const changed = book.changed_at[column];
  return (
    conflict === "server" || (conflict === "newest" && changed !== undefined && at !== null && at > changed + SKEW)
  );
}

function tellsMore({ rating, review, read_time }: DeviceReading): boolean {
  return rating !== null || review !== null || read_time !== null;
}

/** Of the files that tell stars, a review or hours the newest; null where none does. */
export function newestTold(book: Book): DeviceReading | null {
  return currentReadings(book).filter(tellsMore).toSorted(newestFirst)[0] ?? null;
}

/** What a column of these fields should hold. `now` in epoch seconds. */
export function wantedTold(mapping: ColumnMapping, book: Book, rules: Rules, isFinished: boolean, now: number): Wanted {
  const { column, field } = mapping;
  const told = toldOf(mapping, currentReadings(book), isFinished);
  if (told === null) return null;
  const cell = book.cells[column] ?? null;
  // No stars at all are none, in calibre's own way of saying it.
  const isBlank = isEmpty(cell) || (field === "rating" && cell === 0);
  if (!isBlank && isSameTold(mapping, cell, told.cell)) return { after: cell, why: why("unchanged", {}) };
  const reason = why("told", { field, device: told.device, timestamp: timeTold(told.at, now) });
  // What the reader emptied of ours stays empty; their own words, taken away again, have made room.
  const isCleared = !isEmpty(book.written[column] ?? null);
  if (isBlank) return isCleared ? null : { after: told.cell, why: reason };
  const isFree = isOurs(mapping, book) || givesWay(mapping, told, book, rules);
  if (!isFree) return { not: why("told_kept", { column }) };
  return isLess(mapping, told.cell, cell) ? null : { after: told.cell, why: reason };
}

/** A moment that a device's statistics tell, and which device's. */
interface Moment {
  readonly at: number;
  readonly device: string;
}

/** The first visit to a page that any statistics know; null where none tell a time that can be one. */
export function firstReadBy(book: Book, now: number): Moment | null {
  const times = currentReadings(book).flatMap(({ device, started }): Moment[] => {
    const at = timeTold(started, now);
    return at === null || at > now ? [] : [{ at, device }];
  });
  return times.toSorted((one, other) => one.at - other.at)[0] ?? null;
}

/** A sidecar's mark has a day and no hour. */
const DAY = 86_400;

/**
 * The last visit to a page, where it tells better when a book was finished than a mark or a file does (`at`, the
 * beginning of a day): within that day, or before. A server's own time is as good: then null.
 */
export function lastReadBefore(book: Book, at: number, isServers: boolean, now: number): Moment | null {
  if (isServers) return null;
  const times = currentReadings(book).flatMap(({ device, last_read }): Moment[] => {
    const told = timeTold(last_read, now);
    return told === null || told > Math.min(now, at + DAY) || told < at - DAY ? [] : [{ at: told, device }];
  });
  return times.toSorted((one, other) => other.at - one.at)[0] ?? null;
}
