import type { Progress } from "../model/progress.ts";

/** Records that bear this prefix were put on the server by ourselves when carrying over: whichever machine did it, never news. */
export const OWN_DEVICE_PREFIX = "calibre-koreader-progress-";

/** Whether we put this record on the server ourselves. */
export function isOwn(progress: Pick<Progress, "device_id">): boolean {
  return (progress.device_id ?? "").startsWith(OWN_DEVICE_PREFIX);
}

/**
 * Whether a record is a peek: a copy opened at its first page and closed again, after some copy or format had been
 * read further. A peek is never pulled, never a re-read, and no obstacle to carrying over. All arguments are shares.
 */
export function isPeek(percentage: number, furthestElsewhere: number, readingFrom: number): boolean {
  return percentage < readingFrom && furthestElsewhere >= readingFrom;
}
