/** Books as they are asked about: with what is worth asking, and with what says how likely an answer is. */
import type { Subject } from "../core/ask-likelihood.ts";
import { isBeingRead } from "../core/being-read.ts";
import { chooseCandidates } from "../core/candidates.ts";
import { unknownColumns, withOwnBase } from "../core/local-side.ts";
import type { Book } from "../model/plan.ts";
import type { Profile } from "../model/profile.ts";
import type { OwnDigests } from "./digest-library.ts";

/** `computed` are the digests of the library's own files. */
export function subjectsOf(
  books: readonly Book[],
  computed: ReadonlyMap<number, OwnDigests>,
  profile: Profile,
): Subject[] {
  return books.map((given) => {
    const book = withOwnBase(given, profile);
    const { book_id, digests, news, added } = book;
    return {
      book_id,
      news,
      added,
      reading: isBeingRead(book, profile),
      settled: book.base !== null && unknownColumns(book, profile).length === 0,
      candidates: chooseCandidates([...digests, ...(computed.get(book_id)?.digests ?? [])], profile.matching),
    };
  });
}
