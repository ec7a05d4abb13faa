/** Which digests of a book are worth asking a server about, and in which order. */
import { COPIES_DATED, DigestSource, type KnownDigest } from "../model/digest.ts";
import type { Matching } from "../model/profile.ts";

/** A book with a longer history is asked about its likeliest digests only. */
export const CANDIDATES_PER_BOOK = 12;

/** Of these, so many are kept for the copies that left last: they are on somebody's reader, whatever answered before. */
const NEWEST_COPIES = 3;

const TRUST = new Map<DigestSource, number>(DigestSource.options.map((source, rank) => [source, rank]));

/** Likeliest first: what answered before, then by trust of its source, then what was seen last. */
export function byLikelihood(a: KnownDigest, b: KnownDigest): number {
  const answered = Number(b.answered !== null) - Number(a.answered !== null);
  if (answered !== 0) return answered;
  const trust = (TRUST.get(a.source) ?? 0) - (TRUST.get(b.source) ?? 0);
  return trust !== 0 ? trust : b.last_seen - a.last_seen;
}

/** The candidates of one book, likeliest first, each digest once under its best source, at most `CANDIDATES_PER_BOOK`. */
export function chooseCandidates(digests: readonly KnownDigest[], matching: Matching): KnownDigest[] {
  const wanted = digests.filter(
    ({ kind }) => matching === "both" || kind === (matching === "binary" ? "partial_md5" : "filename"),
  );
  const once = new Map<string, KnownDigest>();
  for (const digest of wanted.toSorted(byLikelihood)) if (!once.has(digest.digest)) once.set(digest.digest, digest);
  const likeliest = [...once.values()];
  const newest = likeliest
    .filter(({ source }) => COPIES_DATED.has(source))
    .toSorted((a, b) => b.last_seen - a.last_seen)
    .slice(0, NEWEST_COPIES);
  const rest = likeliest.filter((digest) => !newest.includes(digest)).slice(0, CANDIDATES_PER_BOOK - newest.length);
  return [...newest, ...rest].toSorted(byLikelihood);
}
