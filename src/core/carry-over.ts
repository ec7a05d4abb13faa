/** Which places are put again under a book's new digest, so that KOReader on the new copy offers to continue. */
import type { CarryOver } from "../model/carry-over.ts";
import { REAL_COPIES, type KnownDigest } from "../model/digest.ts";
import type { Answer, Book, Reading } from "../model/plan.ts";
import type { Progress } from "../model/progress.ts";
import { largest } from "./lists.ts";
import { isOwn, isPeek } from "./peek.ts";
import { isSameText, isVersioned } from "./position/content-key.ts";

/** A book sent a hundred times has a hundred digests; its readers hold the last few. */
const TARGETS_PER_BOOK = 6;

type RecordedPlace = Pick<Progress, "progress" | "percentage">;

/** Whether two records are one place, whoever put them there. */
export function isSameRecordedPlace(one: RecordedPlace, other: RecordedPlace): boolean {
  return one.progress === other.progress && one.percentage === other.percentage;
}

/**
 * What stands under a document may be replaced by a place of ours: nothing, a peek, or an older place of our own. Never
 * the very record that the place is from: it is a device's own, and nothing but the reader's word is reason enough.
 */
export function mayCarryOver(current: Progress | null, place: Progress, readingFrom: number): boolean {
  if (current === null) return true;
  if (isOwn(current)) return !isSameRecordedPlace(current, place) && !mayBeOlder(place, current);
  if (current.document === place.document) return false;
  return isPeek(current.percentage, place.percentage, readingFrom);
}

/** As `mayCarryOver`, when the reader asked for it: then also an older place of another device's, never a newer one. */
export function mayOffer(current: Progress | null, place: Progress, readingFrom: number): boolean {
  if (mayCarryOver(current, place, readingFrom)) return true;
  if (current === null || isOwn(current)) return false;
  // A place offered again to its own device must be put under our id: KOReader ignores a record that bears its own.
  if (current.document === place.document) return isSameRecordedPlace(current, place);
  return !mayBeOlder(place, current);
}

/**
 * Whether a place may be older than what we put: another calibre may know a copy that this one has never heard of, and
 * two that put their own newest place over each other's would never rest. Undated records are told by how far they are.
 */
function mayBeOlder(place: Progress, other: Progress): boolean {
  if (place.timestamp === null || other.timestamp === null) return place.percentage <= other.percentage;
  return place.timestamp < other.timestamp;
}

/** The places to carry over, book by book; only between copies of one content key, never a place of our own making. */
export function planCarryOvers(readings: readonly Reading[], readingFrom: number): CarryOver[] {
  return readings.flatMap(({ book, answers }) => {
    const source = newestRead(answers, readingFrom);
    if (source === null) return [];
    const { candidate, progress } = source;
    const key = contentKeyOf([candidate, ...book.digests.filter(({ digest }) => digest === progress.document)]);
    if (key === null) return [];
    return targets(book.digests, key)
      .filter(({ digest }) => digest !== progress.document)
      .filter(({ digest }) => {
        const current = answers.find((answer) => answer.progress.document === digest)?.progress ?? null;
        return mayCarryOver(current, progress, readingFrom) && !isTakenBack(book, digest, progress);
      })
      .map(({ digest }) => ({ book_id: book.book_id, document: digest, progress }));
  });
}

/** Whether the reader has taken this very place back from there. */
function isTakenBack({ declined }: Book, document: string, place: Progress): boolean {
  return declined.some(
    (said) => said.side === "ours" && said.document === document && isSameRecordedPlace(said, place),
  );
}

/** The newest record that a device made of really reading. */
export function newestRead<Told extends Pick<Answer, "progress">>(
  answers: readonly Told[],
  readingFrom: number,
): Told | null {
  const foreign = answers.filter(({ progress }) => !isOwn(progress));
  const furthest = largest(
    0,
    foreign.map(({ progress }) => progress.percentage),
  );
  const read = foreign.filter(
    ({ progress }) => progress.progress !== "" && !isPeek(progress.percentage, furthest, readingFrom),
  );
  return read.toSorted((one, other) => (other.progress.timestamp ?? 0) - (one.progress.timestamp ?? 0))[0] ?? null;
}

/** The content key of the text that these tell of; null where none knows it in today's form. */
function contentKeyOf(known: readonly KnownDigest[]): string | null {
  return known.map(({ content_key }) => content_key).find((key) => key !== null && isVersioned(key)) ?? null;
}

/** The last copies of the same text as the one under `document`, itself left out. */
export function copiesOf(document: string, known: readonly KnownDigest[]): string[] {
  const key = contentKeyOf(known.filter(({ digest }) => digest === document));
  if (key === null) return [];
  return targets(known, key)
    .map(({ digest }) => digest)
    .filter((digest) => digest !== document);
}

function targets(known: readonly KnownDigest[], contentKey: string): KnownDigest[] {
  return (
    known
      // A name is no copy: a file of another book may bear it.
      .filter(({ kind }) => kind === "partial_md5")
      .filter(({ source, content_key }) => REAL_COPIES.has(source) && isSameText(content_key, contentKey))
      .toSorted((one, other) => other.last_seen - one.last_seen)
      .slice(0, TARGETS_PER_BOOK)
  );
}
