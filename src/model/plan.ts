import * as z from "zod";
import { KnownDigest } from "./digest.ts";
import { Progress } from "./progress.ts";

/** A column's value on its way through JSON; dates are ISO 8601 with an offset. */
export const Cell = z.union([z.string(), z.number(), z.boolean(), z.null()]).meta({ id: "Cell" });
export type Cell = z.infer<typeof Cell>;

/** One file of a book in the library. */
export const BookFormat = z
  .strictObject({
    /** Upper case, as calibre names it. */
    format: z.string().min(1),
    path: z.string().min(1),
    size: z.number().int().nonnegative(),
    /** Epoch seconds. */
    mtime: z.number(),
  })
  .meta({ id: "BookFormat" });
export type BookFormat = z.infer<typeof BookFormat>;

/** The last state both sides agreed on, per book and account. */
export const Base = z
  .strictObject({
    book_id: z.number().int(),
    document: z.string(),
    percentage: z.number(),
    progress: z.string(),
    timestamp: z.number().nullable(),
    device: z.string(),
    /** The mapped cells as they stood when the base was made. */
    values: z.record(z.string(), Cell),
  })
  .meta({ id: "Base" });
export type Base = z.infer<typeof Base>;

/** What a server said of a book, and when we heard it (epoch seconds). Kept for ever in the reading log. */
export const Observation = z
  .strictObject({ book_id: z.number().int(), at: z.number(), progress: Progress })
  .meta({ id: "Observation" });
export type Observation = z.infer<typeof Observation>;

/** A book as calibre sends it for planning. */
export const Book = z
  .strictObject({
    book_id: z.number().int(),
    uuid: z.string(),
    title: z.string(),
    authors: z.array(z.string()),
    formats: z.array(BookFormat),
    /** Mapped columns only, by lookup name. */
    cells: z.record(z.string(), Cell),
    base: Base.nullable(),
    /** The book's history of digests. */
    digests: z.array(KnownDigest),
    /** Basenames under which a copy may stand on a reader, for *Filename* matching. */
    names: z.array(z.string()),
  })
  .meta({ id: "Book" });
export type Book = z.infer<typeof Book>;

/** Why something is written, left or asked; the sentence is made where the language is known. */
export const Why = z.strictObject({ code: z.string().min(1), data: z.record(z.string(), Cell) }).meta({ id: "Why" });
export type Why = z.infer<typeof Why>;

/** One cell to be written: only if it still holds `before`. */
export const ColumnUpdate = z
  .strictObject({
    book_id: z.number().int(),
    column: z.string(),
    before: Cell,
    after: Cell,
    why: Why,
  })
  .meta({ id: "ColumnUpdate" });
export type ColumnUpdate = z.infer<typeof ColumnUpdate>;

/** Both sides changed, or nobody can know which is right: `updates` are what taking the server's side would write. */
export const Conflict = z
  .strictObject({
    book_id: z.number().int(),
    theirs: Progress,
    updates: z.array(ColumnUpdate),
    base: Base,
    why: Why,
  })
  .meta({ id: "Conflict" });
export type Conflict = z.infer<typeof Conflict>;

/** A book for which nothing is written, and why. */
export const Skip = z.strictObject({ book_id: z.number().int(), reason: Why }).meta({ id: "Skip" });
export type Skip = z.infer<typeof Skip>;

/** The digests that a run computed or that a server answered, to be kept in the book's history. */
export const DigestFinding = z
  .strictObject({ book_id: z.number().int(), digest: KnownDigest })
  .meta({ id: "DigestFinding" });
export type DigestFinding = z.infer<typeof DigestFinding>;

/** Everything a pull would do; nothing has been done yet. */
export const PullPlan = z
  .strictObject({
    updates: z.array(ColumnUpdate),
    conflicts: z.array(Conflict),
    skipped: z.array(Skip),
    /** Books of which the server knew no asked candidate. */
    unanswered: z.array(z.number().int()),
    /** To be kept once the book's cells are written, or need no writing. */
    bases: z.array(Base),
    observations: z.array(Observation),
    digests: z.array(DigestFinding),
  })
  .meta({ id: "PullPlan" });
export type PullPlan = z.infer<typeof PullPlan>;

/** A server's record that answered one candidate of a book. */
export interface Answer {
  progress: Progress;
  candidate: KnownDigest;
}

/** A book with what the server said of it: what planning starts from. */
export interface Reading {
  book: Book;
  answers: Answer[];
}
