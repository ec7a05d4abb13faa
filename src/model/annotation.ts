/** What a reader marks in a book, as KOReader keeps it, and where that stands in the library's file. */
import * as z from "zod";

/** KOReader's ways to draw a highlight. */
export const Drawer = z.enum(["lighten", "underscore", "strikeout", "invert"]).meta({ id: "Drawer" });
export type Drawer = z.infer<typeof Drawer>;

/** The colours that KOReader knows by name. */
export const HighlightColor = z
  .enum(["red", "orange", "yellow", "green", "olive", "cyan", "blue", "purple", "gray"])
  .meta({ id: "HighlightColor" });
export type HighlightColor = z.infer<typeof HighlightColor>;

/** One highlight or page bookmark. What a reader's file does not say is null. */
export const FoundAnnotation = z
  .strictObject({
    kind: z.enum(["highlight", "bookmark"]),
    /** `YYYY-MM-DD HH:MM:SS` in the device's own time, which names no zone; it never changes. */
    created: z.string().min(1),
    /** The last change, told alike. */
    updated: z.string().nullable(),
    /** Where it begins: an XPointer, or in a paged book the page's number as text. */
    page: z.string(),
    /** The ends of a highlight in a reflowed book: XPointers, the second of the character behind the last. */
    pos0: z.string().nullable(),
    pos1: z.string().nullable(),
    text: z.string().nullable(),
    /** The text was changed by hand, and no longer tells what stands in the book. */
    edited: z.boolean(),
    note: z.string().nullable(),
    drawer: Drawer.nullable(),
    color: HighlightColor.nullable(),
    chapter: z.string().nullable(),
    /** As the reader showed it: a page's number, or its label. */
    page_label: z.string().nullable(),
    /** Where it was found. */
    device: z.string(),
  })
  .meta({ id: "FoundAnnotation" });
export type FoundAnnotation = z.infer<typeof FoundAnnotation>;

/** One file of a reader's in which something is marked. */
export const MarkedFile = z
  .strictObject({
    device: z.string(),
    path: z.string(),
    /** The digest of the book that it is about; null where it does not say. */
    digest: z.string().nullable(),
    /** When it was written, epoch seconds. */
    modified: z.number(),
    /** Whether it is KOReader's own list of now: no backup, no older form, not the other engine's. */
    whole: z.boolean(),
    annotations: z.array(FoundAnnotation),
  })
  .meta({ id: "MarkedFile" });
export type MarkedFile = z.infer<typeof MarkedFile>;

/** An annotation as it is known of one book, wherever it was found. */
export const Annotation = FoundAnnotation.omit({ device: true })
  .extend({
    /** The same on every machine: made of the book, the moment of its making, and its words or place. */
    uuid: z.string(),
    devices: z.array(z.string()),
  })
  .meta({ id: "Annotation" });
export type Annotation = z.infer<typeof Annotation>;

/** Why an annotation has no place in the library's file. */
export const UnplacedReason = z
  .enum([
    // A page of a picture or PDF has no text to prove.
    "paged",
    "no_text_file",
    "protected",
    "no_ends",
    "text_edited",
    "several_files",
    "ill_formed",
    "text_differs",
    "not_unique",
    "place_lost",
  ])
  .meta({ id: "UnplacedReason" });
export type UnplacedReason = z.infer<typeof UnplacedReason>;

/** Where an annotation stands in the library's file: by its own ends or by a search for its words, or why nowhere. */
export const AnnotationPlace = z
  .discriminatedUnion("status", [
    z.strictObject({
      status: z.literal("highlight"),
      by: z.enum(["ends", "search"]),
      /** Of the file in the book, and its number in the viewer's spine, from 0. */
      spine_name: z.string(),
      spine_index: z.number().int().nonnegative(),
      start_cfi: z.string(),
      end_cfi: z.string(),
    }),
    z.strictObject({ status: z.literal("bookmark"), cfi: z.string() }),
    z.strictObject({ status: z.literal("unplaced"), reason: UnplacedReason }),
  ])
  .meta({ id: "AnnotationPlace" });
export type AnnotationPlace = z.infer<typeof AnnotationPlace>;

/** How annotations are told to other programs. */
export const ExportFormat = z.enum(["md", "json", "csv"]).meta({ id: "ExportFormat" });
export type ExportFormat = z.infer<typeof ExportFormat>;

/** All annotations that were ever found of a book, and whether its file was made: one that is gone then was removed. */
export const KnownBook = z.object({ annotations: z.array(Annotation), made: z.boolean() }).meta({ id: "KnownBook" });
export type KnownBook = z.infer<typeof KnownBook>;

/** The schema of what is remembered beside files of notes. */
export const NOTES_SCHEMA = 1;

/** What is remembered beside files of notes, by the book's uuid; of another schema, its number alone. */
export const NotesMemory = z.union([
  z.object({ schema: z.literal(NOTES_SCHEMA), books: z.record(z.string(), KnownBook) }),
  z.object({ schema: z.number().gt(NOTES_SCHEMA) }),
]);
export type NotesMemory = z.infer<typeof NotesMemory>;
