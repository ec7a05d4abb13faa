/** What is told of books that were asked about twice in one run: by what they are known to be, then by what they may be. */

/** Why a book was not asked about, or not about all its digests. */
export interface Waiting {
  /** When the server was last asked about it, epoch seconds; null: never. */
  readonly asked: number | null;
  /** Whether the day's allowance left no question for it; otherwise it is not due, or there was too much to ask. */
  readonly spent: boolean;
  /** Whether the server knew the book when it was asked last. */
  readonly known: boolean;
}

/**
 * The books that wait after both rounds, `guessed` being those of the second. Of a book that was asked about just now
 * nobody wants to hear that one of its digests was asked in vain an hour ago.
 */
export function waitingAfterBoth(
  first: ReadonlyMap<number, Waiting>,
  second: ReadonlyMap<number, Waiting>,
  guessed: Iterable<number>,
): Map<number, Waiting> {
  const waiting = new Map(first);
  for (const book_id of guessed) {
    const left = second.get(book_id);
    if (left === undefined) waiting.delete(book_id);
    else if (left.spent || first.has(book_id)) waiting.set(book_id, left);
  }
  return waiting;
}
