import * as z from "zod";

/** Lowercase hexadecimal MD5. */
export const Digest = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .meta({ id: "Digest" });
export type Digest = z.infer<typeof Digest>;

/** What the digest was taken of: the sampled bytes (KOReader's *Binary* matching) or the basename (*Filename*). */
export const DigestKind = z.enum(["partial_md5", "filename"]).meta({ id: "DigestKind" });
export type DigestKind = z.infer<typeof DigestKind>;

/** Where a digest became known; the order here is the order of trust. */
export const DigestSource = z
  .enum(["linked", "sidecar", "sent", "written", "device", "statistics", "imported", "library", "predicted"])
  .meta({ id: "DigestSource" });
export type DigestSource = z.infer<typeof DigestSource>;

/**
 * What it means that a digest is known: the reader decided it, the copy left calibre, was met on a device, or opened
 * there as KOReader's statistics have it; somebody told it, or we computed it.
 */
const SOURCE_KINDS = {
  linked: "decided",
  sidecar: "met",
  sent: "left",
  written: "left",
  device: "met",
  statistics: "opened",
  imported: "told",
  library: "computed",
  predicted: "computed",
} as const satisfies Record<DigestSource, string>;

type SourceKind = (typeof SOURCE_KINDS)[DigestSource];

function sourcesOf(...kinds: readonly SourceKind[]): ReadonlySet<DigestSource> {
  return new Set(DigestSource.options.filter((source) => kinds.includes(SOURCE_KINDS[source])));
}

/** Copies that calibre saw leave. */
export const COPIES_LEFT = sourcesOf("left");
/** Copies that really exist, where they were seen themselves: nobody opens a prediction. */
export const REAL_COPIES = sourcesOf("left", "met");
/** Copies that somebody saw, if only in KOReader's statistics: what such a source tells is news of the book. */
export const COPIES_SEEN = sourcesOf("left", "met", "opened");
/** What was seen or decided, and not guessed: it says whose a digest is. */
export const WITNESSED = sourcesOf("decided", "left", "met");
/** Copies with a date that says when they were seen, and what was decided. */
export const COPIES_DATED = sourcesOf("decided", "left", "met", "opened");
/** What names a copy at all; a prediction is nobody's copy. */
export const COPIES_KNOWN = sourcesOf("decided", "left", "met", "opened", "told");
/** What no copy log knows by itself, and nobody can compute again. */
export const WORTH_LOGGING = sourcesOf("decided", "met", "opened", "told");

/** The formats that have a content key, as calibre names them. */
export const EPUB_FORMATS: readonly string[] = ["EPUB", "KEPUB"];

/**
 * What copies of one text share. `2:` and an MD5 over all that is read, pictures too; an MD5 alone is of an earlier
 * version that knew no pictures: it is kept, and joins nothing.
 */
export const ContentKey = z
  .string()
  .regex(/^(?:2:)?[0-9a-f]{32}$/)
  .meta({ id: "ContentKey" });
export type ContentKey = z.infer<typeof ContentKey>;

/** One digest in a book's history. Times are epoch seconds; what is not known is null. */
export const KnownDigest = z
  .strictObject({
    digest: Digest,
    kind: DigestKind,
    source: DigestSource,
    /** Upper case, as calibre names formats: EPUB, PDF, KEPUB ... */
    format: z.string().nullable(),
    /** Basename of the file, where one is known. */
    name: z.string().nullable(),
    size: z.number().int().nonnegative().nullable(),
    /** Stays equal when only metadata changes: copies that share it are the same text. */
    content_key: ContentKey.nullable(),
    device: z.string().nullable(),
    first_seen: z.number(),
    last_seen: z.number(),
    /** When a server last knew a document of this name. */
    answered: z.number().nullable(),
  })
  .meta({ id: "KnownDigest" });
export type KnownDigest = z.infer<typeof KnownDigest>;

/** What is computed of one file. */
export const FileDigests = z
  .strictObject({ path: z.string(), size: z.number().int().nonnegative(), partial_md5: Digest, filename: Digest })
  .meta({ id: "FileDigests" });
export type FileDigests = z.infer<typeof FileDigests>;
