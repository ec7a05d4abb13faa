import { DigestSource } from "../model/digest.ts";
import type { Answer, Book, Reading, Skip } from "../model/plan.ts";
import { why } from "../model/why.ts";
import { isSameText } from "./position/content-key.ts";
import { least } from "./lists.ts";

/** How much we trust that a document is this book's: 0 is best. A name says less than any sampled bytes. */
function trustOf(book: Book, { candidate, progress }: Answer): number {
  const known = book.digests.filter(({ digest }) => digest === progress.document);
  return least(
    Infinity,
    [candidate, ...known].map(
      ({ source, kind }) =>
        DigestSource.options.indexOf(source) + (kind === "filename" ? DigestSource.options.length : 0),
    ),
  );
}

interface Claim {
  index: number;
  answer: Answer;
  trust: number;
}

function claimsByDocument(readings: readonly Reading[]): Map<string, Claim[]> {
  const claims = new Map<string, Claim[]>();
  for (const [index, { book, answers }] of readings.entries()) {
    for (const answer of answers) {
      const { document } = answer.progress;
      const claim = { index, answer, trust: trustOf(book, answer) };
      const others = claims.get(document);
      if (others === undefined) claims.set(document, [claim]);
      else others.push(claim);
    }
  }
  return claims;
}

function sameText(claims: readonly Claim[]): boolean {
  const keys = claims.map(({ answer }) => answer.candidate.content_key);
  return keys.every((key) => isSameText(key, keys[0] ?? null));
}

/** What remains of the readings when every document belongs to one book, or to twins of the same text. */
export interface Matched {
  readings: Reading[];
  skipped: Skip[];
  /** Books that lost their last answer: they were answered, so nobody need predict digests for them. */
  bereft: Set<number>;
}

/**
 * Settles which book a document belongs to when several claim it: the better source wins; at equal trust books with
 * one content key all get it; otherwise nobody does and each is told of the other. Never guesses.
 */
export function matchProgress(readings: Reading[]): Matched {
  const lost = new Map<Answer, { index: number; reason: Skip["reason"]; ambiguous: boolean }>();
  for (const [document, claims] of claimsByDocument(readings)) {
    const books = new Set(claims.map(({ index }) => index));
    if (books.size < 2) continue;
    const best = least(
      Infinity,
      claims.map(({ trust }) => trust),
    );
    const winners = claims.filter(({ trust }) => trust === best);
    const winning = new Set(winners.map(({ index }) => index));
    const settled = winning.size === 1 || sameText(winners);
    for (const { index, answer } of claims) {
      if (settled && winning.has(index)) continue;
      const rival = [...winning].find((other) => other !== index) ?? index;
      const other = readings[rival]?.book;
      const data = { document, other_id: other?.book_id ?? null, other_title: other?.title ?? null };
      const reason = settled ? why("document_of_another", data) : why("document_ambiguous", data);
      lost.set(answer, { index, reason, ambiguous: !settled });
    }
  }
  if (lost.size === 0) return { readings, skipped: [], bereft: new Set() };
  const skipped: Skip[] = [];
  const bereft = new Set<number>();
  const remaining = readings.map((reading) => {
    const answers = reading.answers.filter((answer) => !lost.has(answer));
    if (answers.length === reading.answers.length) return reading;
    const { book_id } = reading.book;
    if (answers.length === 0) bereft.add(book_id);
    for (const answer of reading.answers) {
      const loss = lost.get(answer);
      // A book that another copy still answers has nothing to complain of, unless nobody can tell whose a record is.
      if (loss !== undefined && (loss.ambiguous || answers.length === 0))
        skipped.push({ book_id, reason: loss.reason });
    }
    return { book: reading.book, answers };
  });
  return { readings: remaining, skipped, bereft };
}
