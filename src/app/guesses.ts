/** For which books digests are predicted: each costs a few questions, and working them out keeps calibre busy. */
import { chooseQuestions } from "../core/ask-choice.ts";
import { questionsAbout, type Subject } from "../core/ask-likelihood.ts";
import { nextWord } from "../core/ask-schedule.ts";
import { chooseCandidates } from "../core/candidates.ts";
import type { Account } from "../model/account.ts";
import type { KnownDigest } from "../model/digest.ts";
import type { Matching } from "../model/profile.ts";
import type { Reach } from "../model/reach.ts";
import { allowanceOf } from "./allowance.ts";
import type { AskPorts } from "./ask-server.ts";

/** So many digests are predicted for one book, more or less. */
const EACH = 8;

/** By book, digests that nobody has seen, but that a copy of it may have. */
export type Predicted = ReadonlyMap<number, readonly KnownDigest[]>;

/** Of books that a server does not know, those to guess about this time, likeliest first. */
export function guessesWanted(
  unknown: readonly Subject[],
  reach: Reach,
  account: Account,
  { cache, clock }: AskPorts,
): number[] {
  const now = clock();
  const { day, left } = allowanceOf(account, cache, now);
  const { now: wanted } = chooseQuestions(
    questionsAbout(unknown, (subject) => guessesBeside(subject), now),
    (name) => cache.word(account.id, name),
    { reach, allowance: { day, left: left / EACH }, share: 1, outOf: unknown.length },
    now,
  );
  return wanted.map(({ book_id }) => book_id);
}

/** The books with predicted digests that were not candidates before: what is known of them was asked already. */
export function guessesOf(subjects: readonly Subject[], predicted: Predicted, matching: Matching): Subject[] {
  return subjects.flatMap((subject) => {
    const asked = new Set(subject.candidates.map(({ digest }) => digest));
    const candidates = chooseCandidates(predicted.get(subject.book_id) ?? [], matching).filter(
      ({ digest }) => !asked.has(digest),
    );
    return candidates.length === 0 ? [] : [{ ...subject, candidates }];
  });
}

/** How many questions guessing about so many books would cost. */
export function guessesAbout(books: number): number {
  return books * EACH;
}

/** Remembers of which books the guesses were asked about since `began`, epoch seconds: they need not be made again soon. */
export function keepGuessed(
  subjects: readonly Subject[],
  guesses: readonly Subject[],
  account: Account,
  { cache, clock }: AskPorts,
  began: number,
): void {
  const asked = new Set(
    guesses
      .filter(({ candidates }) =>
        candidates.some(({ digest }) => (cache.word(account.id, digest)?.asked ?? 0) >= began),
      )
      .map(({ book_id }) => book_id),
  );
  for (const subject of subjects) {
    const name = guessesBeside(subject);
    if (asked.has(subject.book_id))
      cache.keepWord(account.id, name, nextWord(cache.word(account.id, name), null, clock()));
  }
}

/** What is remembered like a document: a book with another file, or another copy, is guessed about anew. */
function guessesBeside({ candidates }: Subject): string {
  return `guesses beside ${candidates[0]?.digest ?? ""}`;
}
