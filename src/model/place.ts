import * as z from "zod";
import { KnownDigest } from "./digest.ts";
import { BookFormat } from "./plan.ts";
import { PlaceInWords, PositionQuality } from "./position.ts";
import { Document, Share } from "./progress.ts";

/** A server's record, to be found in the library's own files of its book. */
export const PlaceRequest = z
  .strictObject({
    book_id: z.number().int(),
    formats: z.array(BookFormat),
    /** The book's history: it tells whether a file holds the text of the document. */
    digests: z.array(KnownDigest),
    document: Document,
    progress: z.string(),
    /** The record's share, for an approximate place where its progress tells none; left out: exact places only. */
    percentage: Share.exactOptional(),
    /**
     * Where each of calibre's readers that would be moved stands, as CFIs, an empty text for one that stands nowhere:
     * a percentage alone moves none of them that is there already.
     */
    standing: z.array(z.string()).exactOptional(),
  })
  .meta({ id: "PlaceRequest" });
export type PlaceRequest = z.infer<typeof PlaceRequest>;

/** A place in one file of the library, as calibre's viewer says it. */
export const ViewerPlace = z
  .strictObject({
    format: z.string(),
    path: z.string(),
    cfi: z.string(),
    /** `percent`: approximate, made of the share alone. */
    quality: PositionQuality,
    /** The first characters there. */
    text: z.string(),
  })
  .meta({ id: "ViewerPlace" });
export type ViewerPlace = z.infer<typeof ViewerPlace>;

/** Where a record stands in the library; no places when no file is known to hold the text that was read. */
export const PlaceAnswer = z
  .strictObject({ book_id: z.number().int(), words: PlaceInWords.nullable(), places: z.array(ViewerPlace) })
  .meta({ id: "PlaceAnswer" });
export type PlaceAnswer = z.infer<typeof PlaceAnswer>;
