import * as z from "zod";
import { Document, Progress } from "./progress.ts";
import { Why } from "./why.ts";

/** One place to be put again, verbatim, under another digest of the same text. */
export const CarryOver = z
  .strictObject({
    book_id: z.number().int(),
    /** Where it goes; equal to `progress.document` when a place is offered again to the device it came from. */
    document: Document,
    progress: Progress,
  })
  .meta({ id: "CarryOver" });
export type CarryOver = z.infer<typeof CarryOver>;

/** What becomes of it: due to be put there, put there, not needed (a device reads there already), or not answered for. */
export const CarryOverResult = z
  .strictObject({
    carry_over: CarryOver,
    outcome: z.enum(["due", "carried", "not_needed", "failed"]),
    /** What stood there before, as far as it is known. */
    found: Progress.nullable(),
    /** When the server stored it, epoch seconds; null when it does not say, or nothing was put. */
    timestamp: z.number().nullable(),
    why: Why,
  })
  .meta({ id: "CarryOverResult" });
export type CarryOverResult = z.infer<typeof CarryOverResult>;
