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

/** What became of it: put there, not needed (a device reads there already), or not answered for. */
export const CarryOverResult = z
  .strictObject({
    carry_over: CarryOver,
    outcome: z.enum(["carried", "not_needed", "failed"]),
    /** What stood there before, as far as it is known. */
    found: Progress.nullable(),
    why: Why,
  })
  .meta({ id: "CarryOverResult" });
export type CarryOverResult = z.infer<typeof CarryOverResult>;
