/** The books of a library that are being read, before anybody is asked about them. */
import { isBeingRead } from "../core/being-read.ts";
import type { Book } from "../model/plan.ts";
import type { Profile } from "../model/profile.ts";

/** The ids of those of these books that are being read, in their order. */
export function booksBeingRead(books: readonly Book[], profile: Profile): number[] {
  return books.filter((book) => isBeingRead(book, profile)).map(({ book_id }) => book_id);
}
