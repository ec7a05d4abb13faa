import type { Answer, Base, Book, Declined } from "../model/plan.ts";
import type { Profile } from "../model/profile.ts";
import type { Progress } from "../model/progress.ts";
import { why } from "../model/why.ts";
import type { Why } from "../model/why.ts";
import type { LocalSide } from "./local-side.ts";
import { isToldBetter, ONE_PLACE } from "./one-story.ts";
import { SKEW } from "./skew.ts";
import { NOISE } from "./read-throughs.ts";
import { isReadingAgain } from "./reread.ts";

/** What becomes of a record: taken, left, or asked about; `settled` when the server said nothing new. */
export type Decision =
  | { outcome: "take" | "ask"; why: Why; reread: boolean }
  | { outcome: "keep"; why: Why }
  | { outcome: "settled"; base: Base };

/** What a decision looks at. */
export interface Question {
  book: Book;
  answers: readonly Answer[];
  record: Progress;
  local: LocalSide;
  profile: Profile;
  /** Epoch seconds. */
  now: number;
  /** Cells that no base knows and that hold something else than the record would write. */
  differing: readonly { column: string; value: string | number | boolean | null }[];
  /** The reader changed the status to another of our words than the record would write. */
  statusDiffers: { column: string; value: string; wanted: string } | null;
  /** Without a base: how far other records of the same book are. */
  elsewhere: number;
  /** One of KOReader's own files tells it: whoever copies one back gives it a time of his own. */
  isFile: boolean;
}

/** Whether a record says anything that the base does not know. An older record never does. */
export function isNews(record: Omit<Declined, "at" | "side">, base: Base): boolean {
  const moved = record.progress !== base.progress || Math.abs(record.percentage - base.percentage) > NOISE;
  if (record.timestamp === null || base.timestamp === null)
    return record.document === base.document ? moved : record.percentage > base.percentage + NOISE;
  if (record.document === base.document && moved) return record.timestamp >= base.timestamp;
  return record.timestamp > base.timestamp;
}

const take = (reason: Why, reread = false): Decision => ({ outcome: "take", why: reason, reread });
const ask = (reason: Why, reread = false): Decision => ({ outcome: "ask", why: reason, reread });
const keep = (reason: Why): Decision => ({ outcome: "keep", why: reason });

/** A finished book falls only for a real re-read, and then as the profile says. */
function decideFinished({ book, answers, record, local, profile: { rules } }: Question): Decision {
  const { percentage, device, timestamp } = record;
  const data = { percentage, device, timestamp };
  if (rules.reread === "ignore") return keep(why("reread_ignored", data));
  if (!isReadingAgain({ book, answers, record, local, rules })) return keep(why("finished_stays", data));
  return rules.reread === "count" ? take(why("reread", data), true) : ask(why("reread_ask", data), true);
}

/** Both sides have something else to say: the profile's policy decides, or the reader. */
function decideByPolicy(question: Question, undecided: Why): Decision {
  const { record, local, profile, book, now } = question;
  const { percentage, device, timestamp } = record;
  const from = local.share;
  const data = { percentage, from, device, timestamp };
  const behind = from !== null && percentage < from - NOISE;
  const further = (): Decision =>
    behind ? keep(why("library_further", { percentage, from, device })) : take(why("policy_furthest", data));
  switch (profile.rules.conflict) {
    case "ask":
      return ask(undecided);
    case "library":
      return keep(why("policy_library", { percentage, from, device }));
    case "server":
      return take(why("policy_server", data));
    case "furthest":
      return further();
    case "newest": {
      // Without a base nobody saw the cell being filled, unless a listener did.
      if (book.base === null && !local.seen) return ask(undecided);
      if (timestamp === null) return behind ? keep(why("undated_behind", { percentage, from, device })) : further();
      const changed_at = local.percentChanged || !local.statusChanged ? local.percentChangedAt : local.statusChangedAt;
      // A server whose clock runs ahead must not win for ever: nothing was read later than now.
      const read = Math.min(timestamp, now);
      if (Math.abs(read - changed_at) <= SKEW)
        return behind ? keep(why("library_further", { percentage, from, device })) : take(why("too_close", data));
      return read > changed_at
        ? take(why("policy_newest", { ...data, changed_at }))
        : keep(why("library_newer", { ...data, changed_at }));
    }
    default:
      return profile.rules.conflict satisfies never;
  }
}

/** The server alone has news. */
function decideNews({ record, local, profile, book }: Question): Decision {
  const { percentage, device, timestamp } = record;
  const from = local.share ?? book.base?.percentage ?? null;
  const data = { percentage, from, device, timestamp };
  const behind = from !== null && percentage < from - NOISE;
  const { conflict } = profile.rules;
  if (behind && conflict === "furthest") return keep(why("library_further", { percentage, from, device }));
  // A record without a timestamp is judged by its percentage alone, as KOReader does.
  if (behind && timestamp === null && conflict !== "server")
    return keep(why("undated_behind", { percentage, from, device }));
  if (behind) return take(why("step_back_small", data));
  if (from !== null && Math.abs(percentage - from) <= NOISE)
    return take(why("same_place", { percentage, device, timestamp }));
  return take(why("read_on", data));
}

/**
 * A larger step back is asked whatever would have been decided, except when a re-read explains it; and so is any step
 * back that a file tells.
 */
function neverSilentlyBack(
  decision: Decision,
  { record, local, profile, book, elsewhere, isFile }: Question,
): Decision {
  if (decision.outcome !== "take" || decision.reread) return decision;
  const { percentage, device, timestamp } = record;
  const from = Math.max(local.share ?? 0, book.base === null ? elsewhere : 0);
  const allowed = isFile ? Math.min(ONE_PLACE, profile.rules.larger_step) : profile.rules.larger_step;
  if (from - percentage <= allowed + NOISE) return decision;
  return ask(why("step_back", { percentage, from, device, timestamp }));
}

/**
 * What the reader filled into a column that was mapped since the base is theirs to decide about, whatever else the
 * record brings. `server` and `library` have decided: the one writes it, the other leaves that one cell.
 */
function neverOverUnknown(decision: Decision, { record, book, profile, differing }: Question): Decision {
  const [first] = differing;
  const { conflict } = profile.rules;
  if (decision.outcome !== "take" || book.base === null || first === undefined) return decision;
  if (conflict === "server" || conflict === "library") return decision;
  const { percentage, device, timestamp } = record;
  return ask(why("no_base_differs", { ...first, percentage, device, timestamp }), decision.reread);
}

/** Decides what becomes of a book's chosen record. */
export function decide(question: Question): Decision {
  const { book, record, local, profile, differing, statusDiffers } = question;
  const { base } = book;
  const { percentage, device, timestamp } = record;
  if (base !== null && !isNews(record, base)) {
    const isBetter = !question.isFile && isToldBetter(record, base) && !local.percentChanged && !local.statusChanged;
    return isBetter ? take(why("same_place", { percentage, device, timestamp })) : { outcome: "settled", base };
  }
  const falls = local.finished && percentage < profile.rules.finish_at && percentage < (local.share ?? 1) - NOISE;
  if (falls) return neverOverUnknown(decideFinished(question), question);
  const [first] = differing;
  const decision = ((): Decision => {
    if (base === null) {
      if (first !== undefined)
        return decideByPolicy(question, why("no_base_differs", { ...first, percentage, device, timestamp }));
      // What we wrote ourselves before the reader left another cell unticked says how far the library is.
      return local.ours ? decideNews(question) : take(why("first_seen", { percentage, device, timestamp }));
    }
    if (local.percentChanged) {
      const changed_at = local.percentChangedAt;
      const data = { percentage, from: local.share, device, timestamp, changed_at };
      // Both moved to the same place, or the reader emptied the cell before reading on.
      if (local.share !== null && Math.abs(local.share - percentage) < 0.005)
        return take(why("same_place", { percentage, device, timestamp }));
      return decideByPolicy(question, why("both_changed", data));
    }
    if (statusDiffers !== null && profile.rules.conflict === "ask")
      return ask(why("status_differs", { ...statusDiffers, device, timestamp }));
    return decideNews(question);
  })();
  return neverOverUnknown(neverSilentlyBack(decision, question), question);
}
