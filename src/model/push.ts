import * as z from "zod";
import { Base, Book, ColumnUpdate, Skip } from "./plan.ts";
import type { Answer } from "./plan.ts";
import { PositionQuality } from "./position.ts";
import { Document, Progress, Share } from "./progress.ts";
import { Why } from "./why.ts";

/** A place of calibre's, said in the words of one copy that a reader holds. */
export const PlacePointer = z
  .strictObject({
    document: Document,
    /** An XPointer or page number; null when the place could not be said or verified in this copy. */
    progress: z.string().min(1).nullable(),
    quality: PositionQuality,
    /** The record under this document is the same place to a reader (about 1,500 characters). */
    same_place: z.boolean(),
  })
  .meta({ id: "PlacePointer" });
export type PlacePointer = z.infer<typeof PlacePointer>;

/** Where calibre itself stands in a book. */
export const CalibrePlace = z
  .strictObject({
    source: z.enum(["viewer", "content_server", "cell"]),
    percentage: Share,
    /** When it was read or typed, epoch seconds. */
    at: z.number(),
    /** We put it there ourselves after a pull: never news. */
    ours: z.boolean(),
    pointers: z.array(PlacePointer),
    /** The place in words; null where it is only a percentage. */
    words: z.string().nullable(),
  })
  .meta({ id: "CalibrePlace" });
export type CalibrePlace = z.infer<typeof CalibrePlace>;

/** A place as calibre keeps it, in its own words. */
export const KeptPlace = z
  .strictObject({
    source: z.enum(["viewer", "content_server"]),
    /** Upper case, as calibre names formats: a CFI means nothing without its file. */
    format: z.string().min(1),
    cfi: z.string().min(1),
    /** When it was read, epoch seconds. */
    at: z.number(),
    /** What we ourselves delivered there last: a place that has not left it is ours, not the reader's. */
    delivered: z.string().nullable(),
  })
  .meta({ id: "KeptPlace" });
export type KeptPlace = z.infer<typeof KeptPlace>;

/** A book with the places that calibre keeps in it. */
export const PlacedBook = z.strictObject({ book: Book, places: z.array(KeptPlace) }).meta({ id: "PlacedBook" });
export type PlacedBook = z.infer<typeof PlacedBook>;

/** A book with calibre's own places, as it goes into planning a push. */
export const PushBook = z.strictObject({ book: Book, places: z.array(CalibrePlace) }).meta({ id: "PushBook" });
export type PushBook = z.infer<typeof PushBook>;

/** One record to be put on the server: only if what stands there is still `before`. */
export const Put = z
  .strictObject({
    book_id: z.number().int(),
    document: Document,
    progress: z.string().min(1),
    percentage: Share,
    before: Progress.nullable(),
    why: Why,
  })
  .meta({ id: "Put" });
export type Put = z.infer<typeof Put>;

/** What became of a put: `changed` when something else stood there meanwhile, `failed` when the server did not take it. */
export const PutResult = z
  .strictObject({
    put: Put,
    outcome: z.enum(["put", "changed", "failed"]),
    /** When the server stored it; null when it does not say, or was not asked to. */
    timestamp: z.number().nullable(),
    /** The name of what went wrong. */
    error: z.string().nullable(),
  })
  .meta({ id: "PutResult" });
export type PutResult = z.infer<typeof PutResult>;

/** One write of ours under a document, to be taken back: only if what we left there still stands. */
export const PutBack = z
  .strictObject({
    book_id: z.number().int(),
    document: Document,
    /** The place that we left there; null when we removed what stood there. */
    ours: z.strictObject({ progress: z.string(), percentage: Share }).nullable(),
    /** What stood there before; null for nothing. */
    before: Progress.nullable(),
  })
  .meta({ id: "PutBack" });
export type PutBack = z.infer<typeof PutBack>;

/** What became of it; `left` when something newer stands there, or the server cannot be made to forget. */
export const PutBackResult = z
  .strictObject({
    put_back: PutBack,
    outcome: z.enum(["restored", "removed", "left", "failed"]),
    /** When the server stored what was put back; null when it does not say, or nothing was put. */
    timestamp: z.number().nullable(),
    why: Why,
  })
  .meta({ id: "PutBackResult" });
export type PutBackResult = z.infer<typeof PutBackResult>;

/** A push that must be asked about: `puts` are what sending calibre's place would do. */
export const PushConflict = z
  .strictObject({
    book_id: z.number().int(),
    theirs: Progress,
    puts: z.array(Put),
    updates: z.array(ColumnUpdate),
    base: Base,
    why: Why,
  })
  .meta({ id: "PushConflict" });
export type PushConflict = z.infer<typeof PushConflict>;

/** Everything a push would do; nothing has been done yet. */
export const PushPlan = z
  .strictObject({
    puts: z.array(Put),
    conflicts: z.array(PushConflict),
    skipped: z.array(Skip),
    /** What the columns will say of calibre's own place; written once the puts succeeded. */
    updates: z.array(ColumnUpdate),
    /** To be kept once the puts succeeded, `timestamp` being the latest that the server answered. */
    bases: z.array(Base),
  })
  .meta({ id: "PushPlan" });
export type PushPlan = z.infer<typeof PushPlan>;

/** What planning a push starts from. */
export interface PushReading extends PushBook {
  answers: Answer[];
  /** Why calibre's newest place could not be told; null where it could, or there is none. */
  untold: Why | null;
}
