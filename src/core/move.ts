/** Which places go along when reading moves to another account, or to another server. */
import type { CarryOver } from "../model/carry-over.ts";
import type { RememberedBook } from "../model/move.ts";
import type { Progress } from "../model/progress.ts";
import { copiesOf, newestRead } from "./carry-over.ts";
import { sameRecord } from "./choose-record.ts";

/**
 * The newest place that is remembered of each book, under the name it was known by and under those of the book's other
 * copies. A book without one is left out: nobody read in it, or the reader said no to all that was told of it.
 */
export function planMoves(books: readonly RememberedBook[], readingFrom: number): CarryOver[] {
  return books.flatMap(({ book_id, base, observations, declined, digests }) => {
    const agreed: Progress[] = base === null ? [] : [{ ...base, device_id: null }];
    const told = [...agreed, ...observations.map(({ progress }) => progress)]
      .filter((place) => !declined.some((said) => sameRecord(said, place)))
      .map(({ document, percentage, progress, device, device_id, timestamp }) => ({
        progress: { document, percentage, progress, device, device_id, timestamp },
      }));
    const newest = newestRead(told, readingFrom)?.progress;
    if (newest === undefined) return [];
    const documents = [newest.document, ...copiesOf(newest.document, digests)];
    return documents.map((document) => ({ book_id, document, progress: newest }));
  });
}
