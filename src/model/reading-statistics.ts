import * as z from "zod";
import { ReadDays } from "./device-reading.ts";
import { Digest } from "./digest.ts";

/** A whole number that a database of another's may hold. */
const Count = z.number().int().nonnegative();

/** What KOReader's statistics tell of one document, by its own arithmetic. Times are epoch seconds, lengths seconds. */
export const DocumentStatistics = z
  .strictObject({
    digest: Digest,
    title: z.string().nullable(),
    authors: z.array(z.string()),
    /** Also moves when a book is opened without being read. */
    last_open: z.number().nullable(),
    /** How many pages there are in the last rendering. */
    pages: Count.nullable(),
    /** How many of them were read. */
    read: Count.nullable(),
    /** All that was read, nothing of it scaled or cut. */
    read_time: Count,
    /** The calendar days with reading, where the reader lives: see `ReadDays`. */
    read_on: ReadDays,
    /** For one page of the last rendering, no page counted for longer than KOReader lets it; null before the first. */
    pace: z.number().nullable(),
    /** For the pages after the one that was read last; null where the pages are not known. */
    time_left: Count.nullable(),
    started: z.number().nullable(),
    last_read: z.number().nullable(),
  })
  .meta({ id: "DocumentStatistics" });
export type DocumentStatistics = z.infer<typeof DocumentStatistics>;

/** Why a database, or a part of it, tells nothing; the words of the plugin's own list of what can be odd. */
export const StatisticsOddity = z
  .enum([
    "unreadable",
    "too_large",
    "not_a_database",
    "no_book_table",
    "no_plain_table",
    "endless",
    "text_not_utf8",
    "blob_for_text",
  ])
  .meta({ id: "StatisticsOddity" });
export type StatisticsOddity = z.infer<typeof StatisticsOddity>;

/** What one database tells; `documents` is null where nothing of it could be read, and `odd` then says why. */
export const ReadingStatistics = z
  .strictObject({
    documents: z.array(DocumentStatistics).nullable(),
    odd: StatisticsOddity.nullable(),
  })
  .meta({ id: "ReadingStatistics" });
export type ReadingStatistics = z.infer<typeof ReadingStatistics>;

/** This database tells nothing; `reason` says why. */
export class OddStatistics extends Error {
  readonly reason: StatisticsOddity;

  constructor(reason: StatisticsOddity, cause?: unknown) {
    super(reason, { cause });
    this.name = "OddStatistics";
    this.reason = reason;
  }
}
