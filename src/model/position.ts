import * as z from "zod";

/** A place in a book, in the words of crengine (`xpointer`), of calibre (`cfi`), or as a page number (`page`). */
export const PositionKind = z.enum(["xpointer", "cfi", "page"]).meta({ id: "PositionKind" });
export type PositionKind = z.infer<typeof PositionKind>;

/** How sure a converted position is, from the exact character down to nothing but the share of the book. */
export const PositionQuality = z.enum(["text", "element", "fragment", "percent"]).meta({ id: "PositionQuality" });
export type PositionQuality = z.infer<typeof PositionQuality>;

/** A position said in another language. `position` is null when the book does not hold it. */
export const ConvertedPosition = z
  .strictObject({
    /** The position as it was given. */
    in: z.string(),
    position: z.string().nullable(),
    /** Share of the book, cut to four digits as KOReader does; null when not even that is known. */
    percentage: z.number().min(0).max(1).nullable(),
    quality: PositionQuality,
    /** The first characters at the place. */
    text: z.string(),
  })
  .meta({ id: "ConvertedPosition" });
export type ConvertedPosition = z.infer<typeof ConvertedPosition>;

/** A place as a reader would tell it. */
export const PlaceInWords = z
  .strictObject({
    /** Title of the chapter, from the table of contents or a heading. */
    chapter: z.string().nullable(),
    sentence: z.string(),
  })
  .meta({ id: "PlaceInWords" });
export type PlaceInWords = z.infer<typeof PlaceInWords>;
