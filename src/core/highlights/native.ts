/** How an annotation of KOReader's looks in calibre: its record, its colours, its stamp. */
import type { Annotation, AnnotationPlace, Drawer, HighlightColor } from "../../model/annotation.ts";
import type { CalibreAnnotation } from "../../model/native-annotation.ts";

/** Why we have put the mark of a removal: it followed the reader, gave way to another format, or was undone. */
export type OwnRemoval = "followed" | "moved" | "undone";

/** Our own word in a mark of a removal; calibre keeps keys that it does not know. */
const OURS = "koreader_progress";

const BUILTIN: ReadonlySet<string> = new Set(["yellow", "green", "blue", "red", "purple"]);

/** Colours that calibre has no name for, on a light page and on a dark one. */
const CUSTOM: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  orange: ["#ffc069", "#a35a00"],
  olive: ["#d4cf7f", "#6b6614"],
  cyan: ["#8fe3ea", "#14707a"],
  gray: ["#cfcfcf", "#5c5c5c"],
};

/** How calibre's viewer draws it. */
export function styleOf(drawer: Drawer | null, color: HighlightColor | null): Record<string, unknown> {
  if (drawer === "strikeout") return { type: "builtin", kind: "decoration", which: "strikeout" };
  if (drawer === "underscore")
    return {
      type: "custom",
      kind: "decoration",
      "text-decoration-line": "underline",
      "text-decoration-style": "solid",
      "text-decoration-color": color ?? "currentColor",
      friendly_name: "KOReader underline",
    };
  const named = color ?? (drawer === "invert" ? "gray" : "yellow");
  if (BUILTIN.has(named)) return { type: "builtin", kind: "color", which: named };
  const [light, dark] = CUSTOM[named] ?? ["#cfcfcf", "#5c5c5c"];
  return { type: "custom", kind: "color", light, dark, friendly_name: `KOReader ${named}` };
}

/** By what calibre tells a bookmark from every other of its book; it must stay, whatever its chapter is called later. */
export function titleOf({ chapter, created }: Pick<Annotation, "chapter" | "created">): string {
  return `${chapter ?? "KOReader"}, ${created}`;
}

/** What calibre tells this annotation by, of those of its kind; null for what is none. */
export function keyOf(record: CalibreAnnotation): string | null {
  const key = record["type"] === "highlight" ? record["uuid"] : record["type"] === "bookmark" ? record["title"] : null;
  return typeof key === "string" ? `${String(record["type"])}\n${key}` : null;
}

/** The record of a placed annotation; null without a place. `stamp` is when it was changed last. */
export function recordOf(annotation: Annotation, place: AnnotationPlace, stamp: string): CalibreAnnotation | null {
  const { uuid, text, chapter } = annotation;
  if (place.status === "bookmark")
    return { type: "bookmark", title: titleOf(annotation), timestamp: stamp, pos_type: "epubcfi", pos: place.cfi };
  if (place.status === "unplaced") return null;
  const { spine_name, spine_index, start_cfi, end_cfi } = place;
  return {
    type: "highlight",
    uuid,
    timestamp: stamp,
    highlighted_text: text ?? "",
    spine_name,
    spine_index,
    start_cfi,
    end_cfi,
    style: styleOf(annotation.drawer, annotation.color),
    ...(annotation.note === null ? {} : { notes: annotation.note }),
    ...(chapter === null ? {} : { toc_family_titles: [chapter] }),
  };
}

/** The mark that a removed annotation leaves, so that nothing older brings it back. */
export function removalOf(record: CalibreAnnotation, why: OwnRemoval): CalibreAnnotation {
  const name = record["type"] === "highlight" ? "uuid" : "title";
  const { type, timestamp, [name]: key } = record;
  return { type, timestamp, [name]: key, removed: true, [OURS]: why };
}

/** Whether this is the mark of a removal, and whose. */
export function removalIn(record: CalibreAnnotation): OwnRemoval | "theirs" | null {
  if (record["removed"] !== true) return null;
  const why = record[OURS];
  return why === "followed" || why === "moved" || why === "undone" ? why : "theirs";
}

/** Whether both say the same, their stamps aside. */
export function saysTheSame(one: CalibreAnnotation, other: CalibreAnnotation): boolean {
  return canonical({ ...one, timestamp: "" }) === canonical({ ...other, timestamp: "" });
}

/** The same text for the same value, in whatever order its keys stand. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}
