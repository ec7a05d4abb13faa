import * as z from "zod";
import { CarryOver } from "./carry-over.ts";
import { Cell } from "./cell.ts";
import { DeviceReading, SidecarStatus } from "./device-reading.ts";
import { KnownDigest } from "./digest.ts";
import { Progress } from "./progress.ts";
import { Why } from "./why.ts";

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

/** The last state both sides agreed on, per book, account and profile. */
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

/** A record that the reader undid, unticked or decided against: not offered again until something newer is read. */
export const Declined = z
  .strictObject({
    /** `theirs` is what a server said, `ours` a place of calibre's own that was taken back from the server. */
    side: z.enum(["theirs", "ours"]),
    document: z.string(),
    percentage: z.number(),
    progress: z.string(),
    timestamp: z.number().nullable(),
    /** When the reader said so, epoch seconds. */
    at: z.number(),
  })
  .meta({ id: "Declined" });
export type Declined = z.infer<typeof Declined>;

/** What a device's own sidecar says of a book: many readers stop at 94 % and mark the book finished by hand. */
export const DeviceMark = z
  .strictObject({
    device: z.string(),
    status: SidecarStatus,
    /** Epoch seconds, or null when the sidecar gives no date. */
    at: z.number().nullable(),
  })
  .meta({ id: "DeviceMark" });
export type DeviceMark = z.infer<typeof DeviceMark>;

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
    /** When a local change of a cell was first seen, epoch seconds by lookup name; a column that is missing changed now. */
    changed_at: z.record(z.string(), z.number()),
    /** The last value that we ourselves wrote into each cell: what still holds it is no change of the reader's. */
    written: z.record(z.string(), Cell),
    declined: z.array(Declined),
    /** The book's reading log for this account, oldest first (the last hundred are enough). */
    observations: z.array(Observation),
    /** From before sidecars were read in full. */
    marks: z.array(DeviceMark),
    /** What the readers of the profile say themselves: of each device, document and source the last. */
    readings: z.array(DeviceReading),
    /** The book's history of digests. */
    digests: z.array(KnownDigest),
    /** When the book came into the library, epoch seconds; 0 where calibre does not say. */
    added: z.number(),
    /** When something last happened to the book here (added, sent, opened), epoch seconds: worth asking again. */
    news: z.number(),
    /** Basenames under which a copy may stand on a reader, for *Filename* matching. */
    names: z.array(z.string()),
  })
  .meta({ id: "Book" });
export type Book = z.infer<typeof Book>;

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
    /** Decided by the reader's own policy for such cases, where one was given; null is for a person to decide. */
    side: z.enum(["theirs", "ours"]).nullable(),
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

/** A cell the reader changed since the base was made, and since when we know (epoch seconds). */
export const LocalChange = z
  .strictObject({ book_id: z.number().int(), column: z.string(), at: z.number() })
  .meta({ id: "LocalChange" });
export type LocalChange = z.infer<typeof LocalChange>;

/**
 * Stands for stars, a review or hours that are told of a book without any place: with this name they are declined, and
 * not offered again until a file tells something newer. No server has such a record, and no base is made of one.
 */
export const Placeless = z
  .strictObject({
    book_id: z.number().int(),
    document: z.string(),
    percentage: z.literal(0),
    progress: z.literal(""),
    timestamp: z.null(),
  })
  .meta({ id: "Placeless" });
export type Placeless = z.infer<typeof Placeless>;

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
    /** Books that get no base, for no place is told of them. */
    placeless: z.array(Placeless),
    observations: z.array(Observation),
    digests: z.array(DigestFinding),
    /** Everything the reader changed and still holds: it replaces `changed_at`, so that the next run knows since when. */
    local_changes: z.array(LocalChange),
    /** Places to be put again under a new digest of the same text. */
    carry_overs: z.array(CarryOver),
    /** Why the reader must see this plan whatever the profile says: a first run, a lost base; usually empty. */
    review: z.array(Why),
  })
  .meta({ id: "PullPlan" });
export type PullPlan = z.infer<typeof PullPlan>;

/** A plan that does nothing. */
export function emptyPlan(): PullPlan {
  return {
    updates: [],
    conflicts: [],
    skipped: [],
    unanswered: [],
    bases: [],
    placeless: [],
    observations: [],
    digests: [],
    local_changes: [],
    carry_overs: [],
    review: [],
  };
}

/** A record that answered one candidate of a book: a server's, or what one of KOReader's own files tells. */
export interface Answer {
  progress: Progress;
  candidate: KnownDigest;
  /** The place in words (chapter and sentence), or null when nobody could say. */
  place: string | null;
  /** The file that tells it; left out for a server's record. */
  file?: DeviceReading;
}

/** A book with what the server said of it: what planning starts from. */
export interface Reading {
  book: Book;
  answers: Answer[];
}
