/** What KOReader's own files and a server tell of one reading: one story where it is one, and each its own where not. */
import type { DeviceReading } from "../model/device-reading.ts";
import type { KnownDigest } from "../model/digest.ts";
import type { Answer, Book, DeviceMark, Reading } from "../model/plan.ts";
import type { Progress } from "../model/progress.ts";
import { isByCalibre } from "./peek.ts";

/** A reader that closes a book writes its file and tells its server: within so many seconds, that is one closing. */
const ONE_CLOSING = 300;
/** Percentages no further apart than this are one place: each rendering counts its pages anew. */
export const ONE_PLACE = 0.005;
/** Nobody read with KOReader before the year 2010: a clock that says so had lost its date. */
const EARLIEST = 1_262_304_000;
/** A file's time bears no zone on many cards, so it may seem to lie ahead; further ahead than this it tells nothing. */
const ONE_DAY = 86_400;
const NOISE = 1e-9;

/** What is compared of a record: a base tells as much as an observation does. */
type Told = Pick<Progress, "document" | "percentage" | "progress" | "timestamp">;

/** A time that a device tells (epoch seconds), where it can be one; null for what no reading can be of. */
export function timeTold(at: number | null, now: number): number | null {
  return at === null || at < EARLIEST || at > now + ONE_DAY ? null : at;
}

/**
 * Whether a file tells what a record tells: the same document at the same place, and the file written no later than at
 * the closing that the record is of.
 */
export function isOneStory(file: Told, record: Told): boolean {
  if (file.document !== record.document) return false;
  // Percentages that were computed have noise in their last digits.
  const isNear = Math.abs(file.percentage - record.percentage) <= ONE_PLACE + NOISE;
  const isSamePointer = file.progress !== "" && file.progress === record.progress;
  if (!isNear && !isSamePointer) return false;
  if (file.timestamp === null) return true;
  return record.timestamp !== null && file.timestamp <= record.timestamp + ONE_CLOSING;
}

/**
 * Whether a record tells better what the base was made of: a file came first, and the server's own word for that
 * closing, some moments older, after it.
 */
export function isToldBetter(record: Told & { device: string }, base: Told & { device: string }): boolean {
  if (record.timestamp === null || base.timestamp === null || record.timestamp > base.timestamp) return false;
  // Of one second both may be: then the device's name is all that the server tells better.
  if (record.timestamp === base.timestamp && record.device === base.device) return false;
  return isOneStory(base, record);
}

/** The record that a file's place makes, as a server would tell it; null where it tells no place. */
function recordOf(reading: DeviceReading, now: number): Progress | null {
  const { digest, percentage, progress, device, device_id, at } = reading;
  if (percentage === null) return null;
  return {
    document: digest,
    percentage,
    progress: progress ?? "",
    device,
    device_id,
    timestamp: timeTold(at, now),
  };
}

/** How the book knows this digest: a reading whose digest is not the book's, or no longer, says nothing of the book. */
function candidateOf({ digests }: Book, { digest }: DeviceReading): KnownDigest | null {
  const known = digests.filter((each) => each.digest === digest && each.kind === "partial_md5");
  return known.find(({ source }) => source === "sidecar") ?? known[0] ?? null;
}

/** What the book's devices say of it themselves; of one digest's reading nothing where the digest is not the book's. */
export function ownReadings(book: Book): DeviceReading[] {
  return book.readings.filter((reading) => candidateOf(book, reading) !== null);
}

/**
 * Of these, without a file that is older than what the same device was heard to tell of the document: a restored card
 * takes back no mark, no stars and no hours.
 */
export function currentReadings(book: Book): DeviceReading[] {
  return ownReadings(book).filter(({ at, device_id, digest, source }) =>
    book.observations.every(
      ({ progress }) =>
        source === "statistics" ||
        at === null ||
        progress.timestamp === null ||
        progress.device_id !== device_id ||
        progress.document !== digest ||
        progress.timestamp <= at,
    ),
  );
}

/** calibre and KOReader have no common name for a device: where either knows of one only, they are the same. */
function isSameDevice(
  file: DeviceReading,
  record: Progress,
  files: readonly DeviceReading[],
  said: readonly Progress[],
): boolean {
  if (record.device.trim().toLowerCase() === file.device.trim().toLowerCase()) return true;
  const own = new Set(files.map(({ device_id }) => device_id));
  const others = new Set(said.map(({ device, device_id }) => device_id ?? device));
  return own.size === 1 && others.size === 1;
}

/**
 * The reading with one answer more for each place that a file alone tells: what a server tells too, or told before, is
 * one story, and the server's. Done twice it changes nothing. `now` in epoch seconds.
 */
export function withFiles(given: Reading, now: number): Reading {
  const { book } = given;
  const told = given.answers.filter(({ file }) => file === undefined);
  const files = ownReadings(book).filter(({ percentage }) => percentage !== null);
  if (files.length === 0) return given;
  const own = new Set(files.map(({ device_id }) => device_id));
  const live = told.map(({ progress }) => progress).filter((progress) => !isByCalibre(progress));
  const earlier = book.observations
    .map(({ progress }) => progress)
    .filter((progress) => !isByCalibre(progress) && !own.has(progress.device_id ?? ""));
  const said = [...live, ...earlier];
  const answers = files.flatMap((file): Answer[] => {
    const record = recordOf(file, now);
    const candidate = candidateOf(book, file);
    if (record === null || candidate === null) return [];
    const isOne = (other: Progress): boolean => isOneStory(record, other) && isSameDevice(file, other, files, said);
    if (live.some(isOne)) return [];
    const progress = earlier.findLast(isOne) ?? record;
    const placed = given.answers.find((answer) => answer.file === file)?.place ?? null;
    return [{ progress, candidate, place: placed, file }];
  });
  return { book, answers: [...told, ...answers] };
}

/** What devices say of how far their readers are with the book; an older kind of word counts where there is no newer. */
export function marksOf(book: Book): DeviceMark[] {
  const files = currentReadings(book).filter(({ source }) => source === "sidecar");
  const told = new Set(ownReadings(book).map(({ device }) => device));
  return [
    ...book.marks.filter(({ device }) => !told.has(device)),
    ...files.flatMap(({ device, status, marked }) => (status === null ? [] : [{ device, status, at: marked }])),
  ];
}
