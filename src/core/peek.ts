import type { Progress } from "../model/progress.ts";

/** The name under which KOReader shows where a record of ours comes from. */
export const CALIBRE_DEVICE = "calibre";

/** Records that bear this prefix were put on the server by ourselves when carrying over: whichever machine did it, never news. */
export const OWN_DEVICE_PREFIX = "calibre-koreader-progress-";

/** A genuine push from calibre is news to every other machine: its device id must not begin as a carry-over's does. */
export const PUSH_DEVICE_PREFIX = "calibre-push-";

/** Whether we put this record on the server ourselves, and it says nothing that no device had said. */
export function isOwn(progress: Pick<Progress, "device_id">): boolean {
  return (progress.device_id ?? "").startsWith(OWN_DEVICE_PREFIX);
}

/** Whether a calibre pushed this place, that some calibre had read to. */
export function isPush(progress: Pick<Progress, "device_id">): boolean {
  return (progress.device_id ?? "").startsWith(PUSH_DEVICE_PREFIX);
}

/** Whether a calibre put this record on the server, for whatever reason. */
export function isByCalibre(progress: Pick<Progress, "device_id">): boolean {
  return isOwn(progress) || isPush(progress);
}

/**
 * Whether a record is a peek: a copy opened at its first page and closed again, after some copy or format had been
 * read further. A peek is never pulled, never a re-read, and no obstacle to carrying over. All arguments are shares.
 */
export function isPeek(percentage: number, furthestElsewhere: number, readingFrom: number): boolean {
  return percentage < readingFrom && furthestElsewhere >= readingFrom;
}
