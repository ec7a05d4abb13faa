/** Which annotations are written into calibre: what changed on the reader, never over what was changed in calibre. */
import type { Annotation, AnnotationPlace } from "../../model/annotation.ts";
import type {
  AnnotationPlan,
  AnnotationWrite,
  CalibreAnnotation,
  Deletions,
  KeptAnnotation,
  KeptAnnotations,
  LeftAnnotation,
  NativeAnnotation,
} from "../../model/native-annotation.ts";
import type { Known } from "./known.ts";
import { stampOf } from "./moment.ts";
import { canonical, keyOf, recordOf, removalIn, removalOf, saysTheSame } from "./native.ts";

/** So many removals of one book are followed unasked, and no larger part of it than that. */
const FEW = 3;
const SMALL_PART = 0.1;

/** An annotation with its place in one of the library's files; the format is null where it has none. */
export interface PlacedKnown extends Known {
  readonly format: string | null;
  readonly place: AnnotationPlace;
}

export interface Merging {
  readonly book_id: number;
  /** For whom it is written, the same as in what is remembered. */
  readonly target: string;
  readonly known: readonly PlacedKnown[];
  readonly files: KeptAnnotations["files"];
  /** What calibre holds for the target, marks of removed ones too. */
  readonly standing: readonly NativeAnnotation[];
  readonly deletions: Deletions;
  /** Where the readers live, as an IANA name; null for UTC. */
  readonly time_zone: string | null;
}

/** What is decided about one annotation. */
interface Decided {
  readonly writes: AnnotationWrite[];
  /** What is remembered if nothing is written. */
  readonly kept: KeptAnnotation;
  readonly left: LeftAnnotation | null;
  readonly stands: boolean;
}

/** What becomes of one book's annotations. Nothing here is a guess: what calibre's reader removed stays removed. */
export function mergeAnnotations(merging: Merging): AnnotationPlan {
  const { book_id, target, known, files, deletions } = merging;
  const standing = byPlace(merging.standing);
  const decided = known.map((one) => decide(one, standing, merging));
  const removals = decided.flatMap(({ writes }) => writes.filter(({ why }) => why === "removed"));
  const present = decided.filter(({ stands }) => stands).length;
  const asks = deletions === "follow" && (removals.length > FEW || removals.length > present * SMALL_PART);
  const wanted = decided.flatMap(({ writes }) => writes).filter(({ why }) => why !== "removed" || !asks);
  const annotations = Object.fromEntries(decided.map(({ kept }) => [kept.annotation.uuid, kept]));
  return {
    book_id,
    writes: wanted,
    asked: asks ? removals : [],
    left: decided.flatMap(({ left }) => (left === null ? [] : [left])),
    standing: present,
    kept: { target, files, annotations } satisfies KeptAnnotations,
  };
}

type Standing = ReadonlyMap<string, CalibreAnnotation>;

function byPlace(standing: readonly NativeAnnotation[]): Standing {
  const all = new Map<string, CalibreAnnotation>();
  for (const { format, annotation } of standing) {
    const key = keyOf(annotation);
    if (key !== null) all.set(`${format}\n${key}`, annotation);
  }
  return all;
}

function at(standing: Standing, format: string, record: CalibreAnnotation): CalibreAnnotation | null {
  return standing.get(`${format}\n${keyOf(record) ?? ""}`) ?? null;
}

function decide(one: PlacedKnown, standing: Standing, merging: Merging): Decided {
  const { annotation, kept } = one;
  const { written } = kept;
  const stamp = stampOf(annotation.updated ?? annotation.created, merging.time_zone);
  const native = withOldTitle(recordOf(annotation, one.place, stamp), written);
  const left = native === null ? leftOf(one) : null;
  const format = native === null ? written?.format : (one.format ?? written?.format);
  const wanted = native ?? written?.annotation;
  if (format === undefined || wanted === undefined) return nothing({ ...kept, annotation }, left, false);
  const here = at(standing, format, wanted);
  const removed = here === null ? null : removalIn(here);
  if (written !== null && written.format !== format && native !== null && kept.gone === null) {
    const there = at(standing, written.format, written.annotation);
    if (there !== null && removalIn(there) !== null && removalIn(there) !== "moved") return nothing(kept, null, false);
    if (there !== null && removalIn(there) === null && (here === null || removed === "moved"))
      return moved(one, native, there, here, format, written);
  }
  if (kept.gone !== null) return follow(one, format, here, merging.deletions, left);
  // What followed the reader comes back when it is back there, and not because our memory of it was lost.
  const isLost = removed === "followed" && one.before === null;
  if (removed === "theirs" || removed === "undone" || isLost) return nothing(kept, null, false);
  if (here === null || removed !== null) {
    if (native === null) return nothing({ ...kept, annotation }, left, false);
    return { ...nothing(kept, null, false), writes: [writeOf(one, "new", format, here, native, native, kept.history)] };
  }
  if (written === null)
    // Another computer of the same reader wrote it, or what we remembered was lost: it stays as it is.
    return nothing({ ...kept, annotation, written: { format, annotation: here } }, left, true);
  const { record, lost } = threeWay(one, native, written.annotation, here, stamp);
  const history = withLost(kept, lost);
  const isAsTold = saysTheSame(record, here);
  if (isAsTold) return nothing({ ...kept, annotation, history }, left, true);
  const write = writeOf(one, "changed", format, here, record, record, history);
  return { writes: [write], kept, left, stands: true };
}

/** The notes that gave way so far, and the one that does now. */
function withLost({ history }: KeptAnnotation, lost: string | null): string[] {
  return lost === null ? history : [...history, lost];
}

function nothing(kept: KeptAnnotation, left: LeftAnnotation | null, stands: boolean): Decided {
  return { writes: [], kept, left, stands };
}

/** A bookmark's title is its name in calibre: it stays whatever its chapter is called now. */
function withOldTitle(record: CalibreAnnotation | null, written: NativeAnnotation | null): CalibreAnnotation | null {
  const title = written?.annotation["title"];
  return record === null || title === undefined ? record : { ...record, title };
}

/** It has left one file of the book for another: what was changed in calibre goes with it. */
function moved(
  one: PlacedKnown,
  native: CalibreAnnotation,
  there: CalibreAnnotation,
  here: CalibreAnnotation | null,
  format: string,
  written: NativeAnnotation,
): Decided {
  const { record, lost } = threeWay(one, native, written.annotation, there, String(native["timestamp"]));
  const writes = [
    writeOf(one, "moved", format, here, record, record, withLost(one.kept, lost)),
    { ...writeOf(one, "moved", written.format, there, removalOf(there, "moved"), null, []), kept: {} },
  ];
  return { writes, kept: one.kept, left: null, stands: true };
}

/** It was removed on the reader: here it stays, marked, unless removals are followed and nobody has changed it here. */
function follow(
  one: PlacedKnown,
  format: string,
  here: CalibreAnnotation | null,
  deletions: Deletions,
  left: LeftAnnotation | null,
): Decided {
  const { kept } = one;
  const isLive = here !== null && removalIn(here) === null;
  const isOurs = here !== null && kept.written !== null && saysTheSame(here, kept.written.annotation);
  if (deletions === "keep" || !isLive || !isOurs) return nothing(kept, isLive ? left : null, isLive);
  const write = writeOf(one, "removed", format, here, removalOf(here, "followed"), null, kept.history);
  return { writes: [write], kept, left: null, stands: true };
}

/**
 * What should stand there: the place where it was proved, and of note and style what was changed on one side alone; where
 * both changed, the newer, and the note that gave way is kept.
 */
function threeWay(
  one: PlacedKnown,
  native: CalibreAnnotation | null,
  ours: CalibreAnnotation,
  here: CalibreAnnotation,
  stamp: string,
): { readonly record: CalibreAnnotation; readonly lost: string | null } {
  const { annotation, before } = one;
  const record: Record<string, unknown> = { ...here };
  for (const key of PLACE) if (native?.[key] !== undefined) record[key] = native[key];
  if (annotation.kind === "bookmark") return { record, lost: null };
  let lost: string | null = null;
  const now = told(annotation);
  const was = before === null ? now : told(before);
  const isNewer = Date.parse(stamp) > Date.parse(String(here["timestamp"]));
  for (const key of ["notes", "style"] as const) {
    if (isEqual(was[key], now[key]) || isEqual(now[key], here[key])) continue;
    const isFree = isEqual(here[key], ours[key]);
    const gives = isFree || isNewer ? here[key] : now[key];
    if (key === "notes" && !isFree && typeof gives === "string") lost = gives;
    if (!isFree && !isNewer) continue;
    if (now[key] === undefined) delete record[key];
    else record[key] = now[key];
  }
  return { record, lost };
}

const PLACE = ["spine_name", "spine_index", "start_cfi", "end_cfi", "highlighted_text", "pos"];

function told(annotation: Annotation): { readonly notes: unknown; readonly style: unknown } {
  const place = {
    status: "highlight",
    by: "ends",
    spine_name: "",
    spine_index: 0,
    start_cfi: "",
    end_cfi: "",
  } as const;
  const record = recordOf(annotation, place, "");
  return { notes: record?.["notes"], style: record?.["style"] };
}

function isEqual(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other);
}

function writeOf(
  one: PlacedKnown,
  why: AnnotationWrite["why"],
  format: string,
  before: CalibreAnnotation | null,
  after: CalibreAnnotation,
  stands: CalibreAnnotation | null,
  history: readonly string[],
): AnnotationWrite {
  const { annotation, place, kept } = one;
  const written = stands === null ? kept.written : { format, annotation: stands };
  const next: KeptAnnotation = { annotation, written, gone: kept.gone, history: [...history] };
  const by = place.status === "highlight" ? place.by : place.status === "bookmark" ? "place" : null;
  return { ...tellOf(annotation), why, by, format, before, after, kept: next };
}

function leftOf({ annotation, place }: PlacedKnown): LeftAnnotation | null {
  return place.status === "unplaced" ? { ...tellOf(annotation), reason: place.reason } : null;
}

function tellOf({ uuid, kind, text, note, chapter, page_label }: Annotation): Omit<LeftAnnotation, "reason"> {
  return { uuid, kind, text, note, chapter, page_label };
}
