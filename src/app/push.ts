/** Push: calibre's own places in every reader's words, a plan, and what was accepted of it put on the server. */
import { localSide, withOwnBase } from "../core/local-side.ts";
import { matchProgress } from "../core/match-progress.ts";
import { isVersioned } from "../core/position/content-key.ts";
import { CALIBRE_DEVICE, PUSH_DEVICE_PREFIX } from "../core/peek.ts";
import { planPush, pushTargets } from "../core/plan-push.ts";
import type { Account } from "../model/account.ts";
import type { Answer, Book } from "../model/plan.ts";
import type { Profile } from "../model/profile.ts";
import type { Progress } from "../model/progress.ts";
import type { CalibrePlace, PlacedBook, PlacePointer, PushPlan, PushReading, Put, PutResult } from "../model/push.ts";
import { why } from "../model/why.ts";
import { askServer, type AskPorts, type Running } from "./ask-server.ts";
import { silence } from "./heard.ts";
import { subjectsOf } from "./subjects.ts";
import { convertPosition } from "./book/convert.ts";
import { inTurn } from "./in-turn.ts";
import { digestLibrary } from "./digest-library.ts";
import { exchangePosition } from "./book/exchange.ts";
import type { KosyncClient, OpenKosyncClient } from "./ports.ts";
import { isSamePlace } from "./book/same-place.ts";
import { sayInWords, wordsAtPosition } from "./book/words.ts";
import { type Copy, Shelf, type ShelfPorts, type Volume } from "./book/shelf.ts";

export interface PushRequest {
  readonly books: readonly PlacedBook[];
  readonly account: Account;
  readonly profile: Profile;
  /** Takes a percentage that the reader typed in the mapped column for a place. Meant for a single book. */
  readonly typed: boolean;
}

type PushPorts = AskPorts & ShelfPorts;

/** Two percentages nearer than this are one to a reader who typed one of them. */
const ONE_PERCENTAGE = 0.005;

/** Plans which of calibre's own places go to the server. Nothing is put there. Rejects as `askServer` does. */
export async function preparePush(request: PushRequest, ports: PushPorts, running: Running): Promise<PushPlan> {
  const { account, profile, typed } = request;
  const now = ports.clock();
  const placed = request.books.map(({ book, places }) => ({
    book,
    places,
    cell: typed ? typedShare(withOwnBase(book, profile), profile, now) : null,
  }));
  const asked = placed.filter(({ places, cell }) => places.length > 0 || cell !== null).map(({ book }) => book);
  const computed = await digestLibrary(asked, profile.matching, ports, running);
  const subjects = subjectsOf(asked, computed, profile);
  // Whoever sends something must know what stands there now.
  const { answers, failures, unreached } = await askServer(account, subjects, { reach: "chosen" }, ports, running);
  const matched = matchProgress(asked.map((book) => ({ book, answers: answers.get(book.book_id) ?? [] })));
  const heardOf = new Map(matched.readings.map(({ book, answers: heard }) => [book.book_id, heard]));
  const readings: PushReading[] = [];
  const failed: PushPlan["skipped"] = [];
  for (const [index, { book, places, cell }] of placed.entries()) {
    running.signal.throwIfAborted();
    // A document that belongs to another book is not to be written under.
    if (matched.bereft.has(book.book_id)) continue;
    const silent = silence(failures.get(book.book_id), unreached.get(book.book_id));
    if (silent === null) {
      const heard = heardOf.get(book.book_id) ?? [];
      readings.push({ book, answers: heard, ...(await inReadersWords(book, places, cell, heard, ports, running)) });
    } else failed.push({ book_id: book.book_id, reason: silent });
    running.progress(index + 1, placed.length, "planning");
  }
  const plan = planPush(readings, profile, now);
  return { ...plan, skipped: [...plan.skipped, ...matched.skipped, ...failed] };
}

/** The share that the reader typed into the mapped column, and when (epoch seconds). */
function typedShare(book: Book, profile: Profile, now: number): { share: number; at: number } | null {
  const { share, percentChanged, percentChangedAt } = localSide(book, profile, now);
  const isMapped = profile.columns.some(({ field }) => field === "percent");
  return isMapped && share !== null && (percentChanged || book.base === null) ? { share, at: percentChangedAt } : null;
}

/** The places that could be told, or why the newest could not. */
type Told = Pick<PushReading, "places" | "untold">;

const told = (place: CalibrePlace): Told => ({ places: [place], untold: null });

/** Every place of a book, the newest said for each copy that a reader may hold. */
async function inReadersWords(
  book: Book,
  kept: PlacedBook["places"],
  cell: { share: number; at: number } | null,
  answers: readonly Answer[],
  ports: ShelfPorts,
  { signal }: Running,
): Promise<Told> {
  const shelf = new Shelf(book, ports, signal);
  try {
    const newest = kept.toSorted((one, other) => other.at - one.at)[0];
    const targets = pushTargets(book, answers).map((document) => targetOf(document, book, answers));
    if (cell !== null && (newest === undefined || cell.at >= newest.at)) {
      const pointers = await Promise.all(targets.map((target) => typedIn(shelf, target, cell.share)));
      return told({ source: "cell", percentage: cell.share, at: cell.at, ours: false, pointers, words: null });
    }
    return newest === undefined ? { places: [], untold: null } : await placeOf(shelf, newest, targets);
  } finally {
    await shelf.close();
  }
}

interface Target {
  readonly document: string;
  readonly copy: Copy;
  readonly record: Progress | null;
}

function targetOf(document: string, book: Book, answers: readonly Answer[]): Target {
  const answer = answers.find(({ progress }) => progress.document === document);
  const known = book.digests.filter(({ digest }) => digest === document);
  const nothing = { digest: document, kind: "partial_md5", format: null, content_key: null } as const;
  const copy =
    known.find(({ content_key }) => content_key !== null && isVersioned(content_key)) ??
    answer?.candidate ??
    known[0] ??
    nothing;
  return { document, copy, record: answer?.progress ?? null };
}

const isSaid = (record: Progress | null): record is Progress => record !== null && record.progress !== "";

async function typedIn(shelf: Shelf, { document, copy, record }: Target, share: number): Promise<PlacePointer> {
  const volume = await shelf.volumeOf(copy, record?.progress ?? null);
  const said = volume === null ? null : await convertPosition(volume.text, `${share * 100}%`, "xpointer");
  const same_place = isSaid(record) && Math.abs(record.percentage - share) < ONE_PERCENTAGE;
  return { document, progress: said?.position ?? null, quality: said?.quality ?? "percent", same_place };
}

async function placeOf(
  shelf: Shelf,
  { source, format, cfi, at, delivered }: PlacedBook["places"][number],
  targets: readonly Target[],
): Promise<Told> {
  const volume = await shelf.volume(format);
  if (volume === null) return { places: [], untold: why("push_unreadable", { format }) };
  if (volume.text.isProtected) return { places: [], untold: why("push_protected", { format }) };
  const { position, percentage, quality } = await convertPosition(volume.text, cfi, "xpointer");
  if (percentage === null) return { places: [], untold: why("push_place_lost", { format }) };
  const found = await wordsAtPosition(volume.text, cfi);
  const words = found === null ? "" : sayInWords(found);
  const place = { source, percentage, at, words: words === "" ? null : words };
  // The viewer writes the middle of the page it was opened at: only who has read on has moved.
  const ours = delivered !== null && (await isSamePlace(volume.text, delivered, cfi));
  if (ours || position === null)
    return told({ ...place, ours, pointers: position === null ? targets.map(unsaid) : [] });
  const pointers: PlacePointer[] = [];
  for (const target of targets) pointers.push(await pointerIn(shelf, target, volume, { position, quality }));
  return told({ ...place, ours, pointers });
}

function unsaid({ document }: Target): PlacePointer {
  return { document, progress: null, quality: "percent", same_place: false };
}

/** A place of one file in the words of a copy: of the same text, or of another with the same text key in the library. */
async function pointerIn(
  shelf: Shelf,
  target: Target,
  from: Volume,
  said: { position: string; quality: PlacePointer["quality"] },
): Promise<PlacePointer> {
  const { document, copy, record } = target;
  const volume = await shelf.volumeOf(copy, record?.progress ?? null);
  if (volume === null) return unsaid(target);
  let { position: progress, quality } = said;
  if (volume !== from) {
    const exchanged = await exchangePosition(from.text, volume.text, said.position);
    if (exchanged.status !== "exchanged") return unsaid(target);
    ({ progress, quality } = exchanged);
  }
  const same_place = isSaid(record) && (await isSamePlace(volume.text, record.progress, progress));
  return { document, progress, quality, same_place };
}

export interface PutRequest {
  readonly account: Account;
  /** Made once per library, without a prefix. */
  readonly library_id: string;
  readonly puts: readonly Put[];
}

/**
 * Puts places on the server, several at once, each only if what stands there is still what was planned for; a failure of
 * one leaves the others. Rejects when cancelled or not let in.
 */
export async function push(
  { account, library_id, puts }: PutRequest,
  openClient: OpenKosyncClient,
  { signal, progress }: Running,
): Promise<PutResult[]> {
  if (puts.length === 0) return [];
  const client = await openClient(account);
  try {
    const { turns, ended } = await inTurn({
      items: puts,
      client,
      signal,
      writes: true,
      act: (put, stop) => putOne(client, put, `${PUSH_DEVICE_PREFIX}${library_id}`, stop),
      onDone: (done) => progress(done, puts.length, "pushing"),
    });
    return puts.map((put, index) => {
      const turn = turns[index];
      if (turn?.status === "word") return turn.value;
      // The next run plans it again from the same facts: there is nothing to queue.
      const error = turn?.status === "failed" ? turn.error : ended;
      return { put, outcome: "failed", timestamp: null, error: error?.kind ?? null };
    });
  } finally {
    await client.close();
  }
}

async function putOne(client: KosyncClient, put: Put, device_id: string, signal: AbortSignal): Promise<PutResult> {
  const { document, progress, percentage, before } = put;
  const current = await client.getProgress(document, signal);
  if (!isStill(current, before)) return { put, outcome: "changed", timestamp: null, error: null };
  const record = { document, progress, percentage, device: CALIBRE_DEVICE, device_id };
  const { timestamp } = await client.putProgress(record, signal);
  return { put, outcome: "put", timestamp, error: null };
}

function isStill(current: Progress | null, before: Progress | null): boolean {
  if (current === null || before === null) return current === before;
  return (
    current.progress === before.progress &&
    current.percentage === before.percentage &&
    current.timestamp === before.timestamp
  );
}
