import * as z from "zod";
import { Digest } from "./digest.ts";
import { Share } from "./progress.ts";

/** KOReader's own word for how far a reader is with a book, as its sidecar keeps it. */
export const SidecarStatus = z.enum(["reading", "complete", "abandoned"]).meta({ id: "SidecarStatus" });
export type SidecarStatus = z.infer<typeof SidecarStatus>;

/** Which of KOReader's own files tells it. */
export const ReadingSource = z.enum(["sidecar", "statistics"]).meta({ id: "ReadingSource" });
export type ReadingSource = z.infer<typeof ReadingSource>;

/** A review is typed on a reader's screen; a longer text is none. */
export const LONGEST_REVIEW = 100_000;

/** A book that is read for more days than these is read by no one person. */
export const MOST_DAYS = 20_000;

/** Calendar days, each once, as whole days since 1970-01-01, in order. */
export const ReadDays = z.array(z.number().int().nonnegative()).max(MOST_DAYS).meta({ id: "ReadDays" });

/**
 * What one file of KOReader's own tells of one document: a sidecar, or the statistics of a device. Times are epoch
 * seconds, lengths seconds; what is not told is null, and says nothing.
 */
export const DeviceReading = z
  .strictObject({
    digest: Digest,
    source: ReadingSource,
    /** What calibre calls the device, or the folder. */
    device: z.string(),
    /** What stays the same for one device or folder, whatever it is called: the key to whose it is. */
    device_id: z.string().min(1),
    /** The file's own time: of a card without a zone that is no more than about right. */
    at: z.number().nullable(),
    percentage: Share.nullable(),
    /** An XPointer, or a page number as text. */
    progress: z.string().nullable(),
    status: SidecarStatus.nullable(),
    /** The beginning of the day on which the status was set. */
    marked: z.number().nullable(),
    /** Stars. */
    rating: z.number().int().min(1).max(5).nullable(),
    /** Plain text with its newlines. */
    review: z.string().max(LONGEST_REVIEW).nullable(),
    read_time: z.number().nonnegative().nullable(),
    /** On which days the document was read: two copies of one book may be read on the same one. */
    read_on: ReadDays.nullable(),
    time_left: z.number().nonnegative().nullable(),
    started: z.number().nullable(),
    last_read: z.number().nullable(),
  })
  .meta({ id: "DeviceReading" });
export type DeviceReading = z.infer<typeof DeviceReading>;
