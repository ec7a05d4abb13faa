import { COPIES_KNOWN } from "../model/digest.ts";
import type { Answer, Base, Book } from "../model/plan.ts";
import type { Profile } from "../model/profile.ts";
import type { Progress } from "../model/progress.ts";
import type { CalibrePlace, PlacePointer, PushPlan, PushReading, Put } from "../model/push.ts";
import { why } from "../model/why.ts";
import type { Why } from "../model/why.ts";
import { asHeard } from "./as-heard.ts";
import { furthestKnown } from "./choose-record.ts";
import { isNews } from "./conflict.ts";
import { append, largest } from "./lists.ts";
import { SKEW } from "./skew.ts";
import { localSide, unknownColumns, withOwnBase } from "./local-side.ts";
import { CALIBRE_DEVICE, isOwn, isPeek } from "./peek.ts";
import { baseAfter } from "./base-after.ts";
import { differingCells, fillCells } from "./plan-cells.ts";
import type { Filling } from "./plan-cells.ts";
import { NOISE } from "./read-throughs.ts";

/** The documents under which a place can reach a reader: what the server answered, else the copies known to exist. */
export function pushTargets(book: Book, answers: readonly Answer[]): string[] {
  const live = answers.map(({ progress }) => progress.document);
  const known = book.digests.filter(({ source }) => COPIES_KNOWN.has(source)).map(({ digest }) => digest);
  return [...new Set(live.length > 0 ? live : known)];
}

type Decision = { does: "put" | "ask" | "leave"; why: Why };

const put = (reason: Why): Decision => ({ does: "put", why: reason });
const ask = (reason: Why): Decision => ({ does: "ask", why: reason });
const leave = (reason: Why): Decision => ({ does: "leave", why: reason });

interface Question {
  place: CalibrePlace;
  record: Progress;
  base: Base | null;
  profile: Profile;
  now: number;
}

function decideByPolicy({ place, record, profile: { rules }, now }: Question): Decision {
  const { percentage } = place;
  const { percentage: from, device, timestamp } = record;
  const data = { percentage, from, device };
  const behind = percentage < from - NOISE;
  switch (rules.conflict) {
    case "ask":
      return ask(why("push_both_changed", { ...data, timestamp, changed_at: place.at }));
    case "server":
      return leave(why("push_policy_server", data));
    case "library":
      return put(why("push_place", data));
    case "furthest":
      return behind ? leave(why("push_server_further", data)) : put(why("push_place", data));
    case "newest": {
      const read = timestamp === null ? null : Math.min(timestamp, now);
      if (read === null || Math.abs(read - place.at) <= SKEW)
        return behind ? leave(why("push_server_further", data)) : put(why("push_place", data));
      return place.at > read ? put(why("push_place", data)) : leave(why("push_server_newer", { ...data, timestamp }));
    }
    default:
      return rules.conflict satisfies never;
  }
}

function decide(question: Question): Decision {
  const { place, record, base, profile } = question;
  const { percentage } = place;
  const { percentage: from, device, timestamp } = record;
  const { rules } = profile;
  const serverMoved = base === null || isNews(record, base);
  // A percentage typed for one book says what the reader wants; a viewer's place is older or newer than the base.
  if (!serverMoved && place.source !== "cell" && timestamp !== null && place.at <= timestamp)
    return leave(why("push_nothing_new", {}));
  if (!serverMoved && rules.conflict === "furthest" && percentage < from - NOISE)
    return leave(why("push_server_further", { percentage, from, device }));
  const mine = place.source === "cell" ? "push_typed" : "push_place";
  const decision = serverMoved ? decideByPolicy(question) : put(why(mine, { percentage, from, device }));
  if (decision.does !== "put") return decision;
  if (from >= rules.finish_at && percentage < rules.finish_at)
    return ask(why("push_finished", { percentage, device, timestamp }));
  if (from - percentage > rules.larger_step + NOISE)
    return ask(why("push_step_back", { percentage, from, device, timestamp }));
  return decision;
}

/** Whether the reader took this place back from the server: it is not offered again until calibre is read on. */
function isTakenBack({ percentage }: CalibrePlace, { declined }: Book): boolean {
  // Not by its time: who opens the book there once more and closes it has read nothing.
  return declined.some((said) => said.side === "ours" && Math.abs(said.percentage - percentage) <= NOISE);
}

/** The newest of calibre's places that the reader made, or why there is none. */
function choosePlace(
  { book, places, answers, untold }: PushReading,
  { rules }: Profile,
): { place: CalibrePlace } | { not: Why } {
  const sorted = places.toSorted((one, other) => other.at - one.at);
  const [newest] = sorted;
  if (newest === undefined) return { not: untold ?? why("push_nothing_new", {}) };
  if (isTakenBack(newest, book)) return { not: why("push_taken_back", { percentage: newest.percentage }) };
  // What we delivered to the viewer ourselves hides every older place: the reader has not moved since.
  if (newest.ours) return { not: why("push_came_from_server", { percentage: newest.percentage }) };
  const furthest = furthestKnown(book, answers, null);
  if (isPeek(newest.percentage, furthest, rules.reading_from))
    return { not: why("push_peek", { percentage: newest.percentage, from: furthest }) };
  return { place: newest };
}

function isVerified({ progress, quality }: PlacePointer, { source }: CalibrePlace): boolean {
  if (progress === null) return false;
  // Who types a percentage asks for no sentence.
  return source === "cell" || quality === "text" || quality === "element";
}

/** The newest record of real reading; the server's own word on where the readers are. */
function newestRecord(answers: readonly Answer[], { rules }: Profile): Progress | null {
  const foreign = answers.map(({ progress }) => progress).filter((progress) => !isOwn(progress));
  const furthest = largest(
    0,
    foreign.map(({ percentage }) => percentage),
  );
  const read = foreign.filter(({ percentage }) => !isPeek(percentage, furthest, rules.reading_from));
  return read.toSorted((one, other) => (other.timestamp ?? 0) - (one.timestamp ?? 0))[0] ?? null;
}

function planBook(plan: PushPlan, reading: PushReading, profile: Profile, now: number): void {
  const { book, answers } = reading;
  const { book_id } = book;
  const skip = (reason: Why): number => plan.skipped.push({ book_id, reason });
  const choice = choosePlace(reading, profile);
  if ("not" in choice) {
    skip(choice.not);
    return;
  }
  const { place } = choice;
  const targets = pushTargets(book, answers);
  const pointers = place.pointers.filter(({ document }) => targets.includes(document));
  if (targets.length === 0) {
    skip(why("push_no_document", {}));
    return;
  }
  const good = pointers.filter((pointer) => isVerified(pointer, place));
  const [first] = good;
  if (first === undefined) {
    skip(why("push_not_verified", { percentage: place.percentage }));
    return;
  }
  const record = newestRecord(asHeard(book, answers), profile);
  const { percentage } = place;
  if (
    record !== null &&
    place.pointers.some(({ document, same_place }) => same_place && document === record.document)
  ) {
    skip(why("push_same_place", { percentage }));
    return;
  }
  const decision =
    record === null ? put(why("push_first", { percentage })) : decide({ place, record, base: book.base, profile, now });
  if (decision.does === "leave") {
    skip(decision.why);
    return;
  }
  const puts = good.flatMap(({ document, progress, same_place }): Put[] => {
    if (same_place || progress === null) return [];
    const before = answers.find((answer) => answer.progress.document === document)?.progress ?? null;
    return [{ book_id, document, progress, percentage, before, why: decision.why }];
  });
  const outcome = afterPush(reading, place, first, profile, now, decision.why);
  if (decision.does === "ask" && record !== null) {
    plan.conflicts.push({ book_id, theirs: record, puts, ...outcome, why: decision.why });
    return;
  }
  append(plan.puts, puts);
  append(plan.updates, outcome.updates);
  plan.bases.push(outcome.base);
}

/** What the library says once its own place is on the server: the columns follow, and both sides agree. */
function afterPush(
  { book, answers }: PushReading,
  place: CalibrePlace,
  { document, progress }: PlacePointer,
  profile: Profile,
  now: number,
  reason: Why,
): { updates: PushPlan["updates"]; base: Base } {
  const { percentage, at } = place;
  const words = { document, percentage, progress: progress ?? "", device: CALIBRE_DEVICE, device_id: null };
  const chosen = { progress: { ...words, timestamp: at }, place: place.words };
  const local = localSide(book, profile, now);
  const filling: Filling = { book, answers, chosen, local, profile, now, mark: null, reread: false, why: reason };
  // The percentage the reader typed stays exactly as typed, and so does what no base knows and the reader filled.
  const left = new Set(differingCells(unknownColumns(book, profile), filling).map(({ column }) => column));
  const columns = profile.columns.filter(
    ({ field, column }) => !left.has(column) && (field !== "percent" || place.source !== "cell"),
  );
  const filled = fillCells(columns, filling);
  const base = baseAfter(filling, filled, left);
  for (const { field, column } of profile.columns)
    if (field === "percent" && book.cells[column] !== undefined && place.source === "cell")
      base.values[column] = book.cells[column];
  return { updates: filled.updates, base: { ...base, timestamp: null } };
}

/**
 * Decides which of calibre's own places go to the server. A typed percentage is taken for a single book only: a bulk
 * edit of a column pushes nothing by itself. `now` is epoch seconds.
 */
export function planPush(readings: readonly PushReading[], profile: Profile, now: number): PushPlan {
  const plan: PushPlan = { puts: [], conflicts: [], skipped: [], updates: [], bases: [] };
  const typed = readings.filter(({ places }) => places.some(({ source }) => source === "cell"));
  const column = profile.columns.find(({ field }) => field === "percent")?.column ?? null;
  for (const given of readings) {
    const reading = { ...given, book: withOwnBase(given.book, profile) };
    const places = typed.length > 1 ? reading.places.filter(({ source }) => source !== "cell") : reading.places;
    if (places.length === 0 && reading.places.length > 0)
      plan.skipped.push({ book_id: reading.book.book_id, reason: why("push_many", { column }) });
    else planBook(plan, { ...reading, places }, profile, now);
  }
  return plan;
}
