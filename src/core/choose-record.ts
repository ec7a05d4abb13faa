import { DigestSource } from "../model/digest.ts";
import type { Answer, Book, Declined } from "../model/plan.ts";
import type { ConflictPolicy, Profile } from "../model/profile.ts";
import type { Progress } from "../model/progress.ts";
import { why } from "../model/why.ts";
import type { Why } from "../model/why.ts";
import { largest } from "./lists.ts";
import { isOwn, isPeek, isPush } from "./peek.ts";

/** What makes a record the observation that it is. */
type Observed = Omit<Declined, "at" | "side">;

/** Whether two records are the same observation: a device that uploads again makes another, with another timestamp. */
export function sameRecord(one: Observed, other: Observed): boolean {
  return (
    one.document === other.document &&
    one.timestamp === other.timestamp &&
    one.progress === other.progress &&
    Math.abs(one.percentage - other.percentage) < 1e-9
  );
}

/** Servers count in seconds: another place under the same document in the same second came after the one it replaced. */
function isNotNewer({ document, timestamp }: Observed, said: Observed): boolean {
  if (timestamp === null || said.timestamp === null) return false;
  return timestamp < said.timestamp || (timestamp === said.timestamp && document !== said.document);
}

/** Whether the reader has already said no to this record, to one that is not older, or to one preferred to it. */
function isDeclined(progress: Progress, book: Book, policy: ConflictPolicy): boolean {
  const { percentage } = progress;
  const knownSince = book.observations.find((seen) => sameRecord(seen.progress, progress))?.at ?? Infinity;
  return book.declined.some((said) => {
    // Where the server cannot be made to forget it, what was taken back still stands there: our own, and no news.
    if (said.side === "ours")
      return isPush(progress) && sameRecord({ ...said, timestamp: progress.timestamp }, progress);
    return (
      sameRecord(said, progress) ||
      isNotNewer(progress, said) ||
      // Who says no to the furthest record has not asked for the next one that lay there too.
      (policy === "furthest" && percentage <= said.percentage && knownSince < said.at)
    );
  });
}

/** The furthest share any copy or format of the book is known to have reached, `localShare` being the library's own. */
export function furthestKnown(book: Book, answers: readonly Answer[], localShare: number | null): number {
  const said = [...answers, ...book.observations].map(({ progress }) => progress.percentage);
  return largest(Math.max(localShare ?? 0, book.base?.percentage ?? 0), said);
}

type Order = (one: Answer, other: Answer) => number;

const BY_TIME: Order = (one, other) =>
  (other.progress.timestamp ?? -Infinity) - (one.progress.timestamp ?? -Infinity) || 0;
const BY_SHARE: Order = (one, other) => other.progress.percentage - one.progress.percentage;
// Of one second, the server's own word.
const BY_SERVER: Order = (one, other) => Number(one.file !== undefined) - Number(other.file !== undefined);
// The last two only make the choice the same in every run, whatever order the answers came in.
const BY_TRUST: Order = (one, other) =>
  DigestSource.options.indexOf(one.candidate.source) - DigestSource.options.indexOf(other.candidate.source);
const BY_NAME: Order = (one, other) => (one.progress.document < other.progress.document ? -1 : 1);

function inOrder(orders: readonly Order[]): Order {
  return (one, other) => {
    for (const order of orders) {
      const difference = order(one, other);
      if (difference !== 0) return difference;
    }
    return 0;
  };
}

/**
 * Chooses the one record of a book that planning looks at: the newest that is foreign, no peek and not declined, or
 * the furthest where that is the policy. One record is taken whole: the share of one copy never meets the place of another.
 */
export function chooseRecord(
  book: Book,
  answers: readonly Answer[],
  localShare: number | null,
  { rules }: Profile,
): { chosen: Answer } | { none: Why } {
  const foreign = answers.filter(({ progress }) => !isOwn(progress));
  if (foreign.length === 0) return { none: why("own_record", {}) };
  const furthest = furthestKnown(book, answers, localShare);
  const order = inOrder(
    rules.conflict === "furthest"
      ? [BY_SHARE, BY_TIME, BY_SERVER, BY_TRUST, BY_NAME]
      : [BY_TIME, BY_SHARE, BY_SERVER, BY_TRUST, BY_NAME],
  );
  const sorted = foreign.toSorted(order);
  const read = sorted.filter(({ progress }) => !isPeek(progress.percentage, furthest, rules.reading_from));
  const chosen = read.find(({ progress }) => !isDeclined(progress, book, rules.conflict));
  if (chosen !== undefined) return { chosen };
  const first = read[0] ?? sorted[0];
  const { percentage = 0, device = "", timestamp = null } = first?.progress ?? {};
  if (read.length === 0) return { none: why("peek", { percentage, from: furthest, device }) };
  return { none: why("declined", { percentage, device, timestamp }) };
}
