/** An annotation as calibre itself keeps it, what is remembered of ours, and what a run would write. */
import * as z from "zod";
import { Annotation, UnplacedReason } from "./annotation.ts";

/** A highlight, a bookmark or the mark of a removed one, as it stands in calibre's database; keys of others survive. */
export const CalibreAnnotation = z.record(z.string(), z.unknown()).meta({ id: "CalibreAnnotation" });
export type CalibreAnnotation = z.infer<typeof CalibreAnnotation>;

/** What calibre holds, or held, in one of a book's formats. */
export const NativeAnnotation = z
  .strictObject({ format: z.string().min(1), annotation: CalibreAnnotation })
  .meta({ id: "NativeAnnotation" });
export type NativeAnnotation = z.infer<typeof NativeAnnotation>;

/** For whom in calibre: everybody at the desktop viewer, or one user of the content server. */
export const AnnotationTarget = z
  .string()
  .regex(/^(?:viewer|user:.+)$/)
  .meta({ id: "AnnotationTarget" });
export type AnnotationTarget = z.infer<typeof AnnotationTarget>;

/** What is remembered of one annotation. */
export const KeptAnnotation = z.strictObject({
  /** As the reader's files told it when it was last decided about. */
  annotation: Annotation,
  /** What stood in calibre after our last word; null where we have written nothing. */
  written: NativeAnnotation.nullable(),
  /** When the file was written that told of its removal on the reader (epoch seconds). */
  gone: z.number().nullable(),
  /** Notes that gave way to a newer one. */
  history: z.array(z.string()),
});
export type KeptAnnotation = z.infer<typeof KeptAnnotation>;

/** What one file of the reader's held at our last look, by uuid, and when it was written (epoch seconds). */
const KeptFile = z.strictObject({ modified: z.number(), uuids: z.array(z.string()) });

/** All that is remembered of a book for one profile. */
export const KeptAnnotations = z.strictObject({
  /** For whom it was written; for another nothing is written yet. */
  target: z.string(),
  files: z.record(z.string(), KeptFile),
  annotations: z.record(z.string(), KeptAnnotation),
});
export type KeptAnnotations = z.infer<typeof KeptAnnotations>;

/** What becomes of annotations that were removed on the reader: they stay, few follow and many are asked, or all follow. */
export const Deletions = z.enum(["keep", "follow", "all"]).meta({ id: "Deletions" });
export type Deletions = z.infer<typeof Deletions>;

/** What a list says of an annotation. */
const ToldAnnotation = z.strictObject({
  uuid: z.string(),
  kind: z.enum(["highlight", "bookmark"]),
  text: z.string().nullable(),
  note: z.string().nullable(),
  chapter: z.string().nullable(),
  page_label: z.string().nullable(),
});

/** One annotation that a run would write. `before` is what calibre must still hold; the stamp is made newer than that. */
export const AnnotationWrite = ToldAnnotation.extend({
  why: z.enum(["new", "changed", "moved", "removed"]),
  /** How its place was found; null where the place stays as it is. */
  by: z.enum(["ends", "search", "place"]).nullable(),
  format: z.string().min(1),
  before: CalibreAnnotation.nullable(),
  after: CalibreAnnotation,
  /** What is remembered of it once it is written. */
  kept: z.record(z.string(), z.unknown()),
}).meta({ id: "AnnotationWrite" });
export type AnnotationWrite = z.infer<typeof AnnotationWrite>;

/** An annotation that has no place in calibre, and why. */
export const LeftAnnotation = ToldAnnotation.extend({ reason: UnplacedReason }).meta({ id: "LeftAnnotation" });
export type LeftAnnotation = z.infer<typeof LeftAnnotation>;

/** What becomes of one book's annotations. */
export const AnnotationPlan = z
  .strictObject({
    book_id: z.number().int(),
    writes: z.array(AnnotationWrite),
    /** Removals that are too many to follow unasked. */
    asked: z.array(AnnotationWrite),
    left: z.array(LeftAnnotation),
    /** How many stand in calibre as they are told. */
    standing: z.number().int(),
    /** What is remembered of the book whatever is written; each write then adds its own. */
    kept: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "AnnotationPlan" });
export type AnnotationPlan = z.infer<typeof AnnotationPlan>;
