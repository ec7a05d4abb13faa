/** What is asked about, likeliest first: a reader of new books must not wait for the end of a large library. */
import { COPIES_SEEN, type DigestKind, type KnownDigest } from "../model/digest.ts";
import { byLikelihood } from "./candidates.ts";
import type { Standing } from "./ask-schedule.ts";

const DAY = 86_400;

/** A book to ask about, and what is worth asking. Times are epoch seconds, 0 where nothing is known. */
export interface Subject {
  readonly book_id: number;
  readonly candidates: readonly KnownDigest[];
  /** When something last happened to the book on our side: added, sent, downloaded, met on a device, opened. */
  readonly news: number;
  /** When it came into the library. */
  readonly added: number;
  /** Whether the library says that it is being read. */
  readonly reading: boolean;
  /** Whether the library holds what the server said before; otherwise it is asked again, however old that is. */
  readonly settled: boolean;
}

/** A book that may have the asked document, and as what. */
export interface Asker {
  readonly book_id: number;
  readonly candidate: KnownDigest;
}

/** A document to ask a server for. */
export interface Question {
  readonly document: string;
  /** The likeliest of the books that may have it. */
  readonly book_id: number;
  readonly askers: readonly Asker[];
  /** When something last happened to a book or a copy that it is asked for. */
  readonly news: number;
  readonly standing: Standing;
  /** Whether each of the books holds what the server said of it before. */
  readonly settled: boolean;
}

/** What happened so lately makes a book worth asking about soon again. */
const LATELY = 8 * DAY;
/** Of a whole library that was sent or added at once, so many books at least and this share at most are hot. */
const HOT_BOOKS = 100;
const HOT_SHARE = 0.03;
/** Readers read what is new, and what they carry with them: the first fifth is asked about most. */
const LIKELY_SHARE = 0.2;

/** So many answers under names of one kind, and none of the other, tell how the reader's devices name their books. */
const TELLING = 5;

/**
 * The books, likeliest first: those being read, or known to a server before, then in turn what something happened to
 * last, what was seen on a reader last, and what was added last; so the end comes by age.
 */
export function inLikelihood(subjects: readonly Subject[]): Subject[] {
  const ranks = new Map<Subject, number>(subjects.map((subject) => [subject, Infinity]));
  for (const dateOf of [({ news }: Subject) => news, onReaderAt, ({ added }: Subject) => added]) {
    const dates = new Map(subjects.map((subject) => [subject, dateOf(subject)]));
    const dated = subjects
      .filter((subject) => (dates.get(subject) ?? 0) > 0)
      .toSorted((one, other) => (dates.get(other) ?? 0) - (dates.get(one) ?? 0) || byAge(one, other));
    for (const [rank, subject] of dated.entries()) ranks.set(subject, Math.min(ranks.get(subject) ?? Infinity, rank));
  }
  const tierOf = new Map(subjects.map((subject) => [subject, isKnownToBeRead(subject) ? 0 : 1]));
  return subjects.toSorted(
    (one, other) =>
      (tierOf.get(one) ?? 1) - (tierOf.get(other) ?? 1) ||
      compare(ranks.get(one) ?? Infinity, ranks.get(other) ?? Infinity) ||
      byAge(one, other),
  );
}

/** One question about each book, under this name, likeliest first; of no document, so nobody has it. */
export function questionsAbout(
  subjects: readonly Subject[],
  nameOf: (subject: Subject) => string,
  now: number,
): Question[] {
  const ordered = inLikelihood(subjects);
  return ordered.map((subject, place) => {
    const { book_id, news } = subject;
    const standing = standingOf(subject, place, ordered.length, now);
    return { document: nameOf(subject), book_id, askers: [], news, standing, settled: true };
  });
}

/** The questions about these books, each document once, likeliest first. */
export function questionsOf(subjects: readonly Subject[], now: number): Question[] {
  const ordered = inLikelihood(subjects);
  const odd = oddKind(subjects);
  const questions = new Map<string, Question & { readonly askers: Asker[] }>();
  for (const [place, subject] of ordered.entries()) {
    const { book_id } = subject;
    const standing = standingOf(subject, place, ordered.length, now);
    for (const candidate of subject.candidates.toSorted(byLikelihood)) {
      const { digest: document, last_seen } = candidate;
      const news = Math.max(subject.news, last_seen);
      const known = questions.get(document);
      const askers = known?.askers ?? [];
      askers.push({ book_id, candidate });
      // What is asked for one book is told to all that may have it; the likeliest of them says how soon.
      questions.set(document, {
        document,
        book_id: known?.book_id ?? book_id,
        askers,
        news: Math.max(known?.news ?? 0, news),
        standing: known?.standing ?? (candidate.kind === odd && candidate.answered === null ? "odd" : standing),
        settled: subject.settled && (known?.settled ?? true),
      });
    }
  }
  const all = [...questions.values()];
  const isOdd = ({ standing }: Question): boolean => standing === "odd";
  return odd === null ? all : [...all.filter((question) => !isOdd(question)), ...all.filter(isOdd)];
}

function standingOf({ reading, news }: Subject, place: number, books: number, now: number): Standing {
  const isLate = now - news < LATELY && place < Math.max(HOT_BOOKS, HOT_SHARE * books);
  if (reading || isLate) return "hot";
  return place < LIKELY_SHARE * books ? "likely" : "rest";
}

function isKnownToBeRead({ reading, candidates }: Subject): boolean {
  return reading || candidates.some(({ answered }) => answered !== null);
}

/** When a copy of the book was last seen leaving for a reader, or on one. */
function onReaderAt({ candidates }: Subject): number {
  let at = 0;
  for (const { source, last_seen } of candidates) if (COPIES_SEEN.has(source)) at = Math.max(at, last_seen);
  return at;
}

/** The newest in the library first; calibre numbers its books as they come. */
function byAge(one: Subject, other: Subject): number {
  return other.added - one.added || other.book_id - one.book_id;
}

/** Infinity less itself is no number. */
function compare(one: number, other: number): number {
  return one === other ? 0 : one - other;
}

/** The kind of name under which none of many answers came: it is asked for last. */
function oddKind(subjects: readonly Subject[]): DigestKind | null {
  const answered = { partial_md5: 0, filename: 0 };
  for (const { candidates } of subjects)
    for (const candidate of candidates) if (candidate.answered !== null) answered[candidate.kind] += 1;
  if (answered.partial_md5 >= TELLING && answered.filename === 0) return "filename";
  return answered.filename >= TELLING && answered.partial_md5 === 0 ? "partial_md5" : null;
}
