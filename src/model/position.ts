import * as z from "zod";

/** A place in a book, in the words of crengine (`xpointer`), of calibre (`cfi`), or as a page number (`page`). */
export const PositionKind = z.enum(["xpointer", "cfi", "page"]).meta({ id: "PositionKind" });
export type PositionKind = z.infer<typeof PositionKind>;

/** How sure a converted position is, from the exact character down to nothing but the share of the book. */
export const PositionQuality = z.enum(["text", "element", "fragment", "percent"]).meta({ id: "PositionQuality" });
export type PositionQuality = z.infer<typeof PositionQuality>;
