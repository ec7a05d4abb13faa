import * as z from "zod";
import { Observation } from "./plan.ts";

/** One reading of a book from its first page read to its last; times are epoch seconds. */
export const ReadThrough = z
  .strictObject({
    started: z.number().nullable(),
    finished: z.number().nullable(),
    /** Days on which it was read in, in the reader's time zone. */
    days: z.number().int(),
  })
  .meta({ id: "ReadThrough" });
export type ReadThrough = z.infer<typeof ReadThrough>;

/** What a book's reading log tells. */
export const ReadingStory = z
  .strictObject({
    /** Calendar days with an observation, oldest first, YYYY-MM-DD. */
    days: z.array(z.string()),
    readings: z.array(ReadThrough),
    /** How often it was finished. */
    times_read: z.number().int(),
    /** From the first page to the end of the last finished reading, in seconds; null while none was seen whole. */
    time_to_finish: z.number().nullable(),
    /** Points of the chart: when (epoch seconds), how far (share), on which device. */
    points: z.array(z.strictObject({ at: z.number(), percentage: z.number(), device: z.string() })),
  })
  .meta({ id: "ReadingStory" });
export type ReadingStory = z.infer<typeof ReadingStory>;

/** A book whose log is exported. */
export const LoggedBook = z
  .strictObject({
    uuid: z.string(),
    title: z.string(),
    authors: z.array(z.string()),
    observations: z.array(Observation),
  })
  .meta({ id: "LoggedBook" });
export type LoggedBook = z.infer<typeof LoggedBook>;
