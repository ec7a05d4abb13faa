/** Where a server's records stand in the library's own files: in words, and in calibre's language. */
import { isVersioned } from "../core/position/content-key.ts";
import { EPUB_FORMATS, type KnownDigest } from "../model/digest.ts";
import type { BookFormat, PullPlan, Reading } from "../model/plan.ts";
import type { PlaceAnswer, PlaceRequest } from "../model/place.ts";
import type { Running } from "./ask-server.ts";
import { convertPosition } from "./book/convert.ts";
import { exchangePosition } from "./book/exchange.ts";
import { sayInWords, wordsAtPosition } from "./book/words.ts";
import { Shelf, type ShelfPorts, type Volume } from "./book/shelf.ts";

/** A copy of which nothing but the name on the server is known. */
function unknownCopy(document: string): Pick<KnownDigest, "digest" | "kind" | "format" | "content_key"> {
  return { digest: document, kind: "partial_md5", format: null, content_key: null };
}

/**
 * The readings with the content key of every answered library file. The history keeps it: once calibre's viewer has
 * put its bookmarks into a file, nothing else tells that an earlier copy holds the same text.
 */
export async function withContentKeys(
  readings: readonly Reading[],
  ports: ShelfPorts,
  running: Running,
): Promise<Reading[]> {
  const wanted = readings.filter(({ answers }) => answers.some(({ candidate }) => isBareLibraryFile(candidate)));
  const keyed = await openEach(wanted, (reading) => withContentKey(reading, ports, running.signal), running);
  return readings.map((reading) => keyed.get(reading.book.book_id) ?? reading);
}

/** Each of the readings with what opening its book tells, by book id. Books are large: one at a time is open. */
async function openEach(
  wanted: readonly Reading[],
  open: (reading: Reading) => Promise<Reading>,
  { signal, progress }: Running,
): Promise<Map<number, Reading>> {
  const opened = new Map<number, Reading>();
  for (const reading of wanted) {
    signal.throwIfAborted();
    opened.set(reading.book.book_id, await open(reading));
    progress(opened.size, wanted.length, "opening");
  }
  return opened;
}

function isBareLibraryFile({ source, kind, format, content_key }: KnownDigest): boolean {
  const isKeyed = content_key !== null && isVersioned(content_key);
  return source === "library" && kind === "partial_md5" && !isKeyed && EPUB_FORMATS.includes(format ?? "");
}

async function withContentKey(reading: Reading, ports: ShelfPorts, signal: AbortSignal): Promise<Reading> {
  const shelf = new Shelf(reading.book, ports, signal);
  try {
    const answers = [];
    for (const answer of reading.answers) {
      const { candidate } = answer;
      const volume = isBareLibraryFile(candidate) ? await shelf.volumeOf(candidate, null) : null;
      const content_key = (await volume?.text.contentKey()) ?? candidate.content_key;
      answers.push({ ...answer, candidate: { ...candidate, content_key } });
    }
    return { ...reading, answers };
  } finally {
    await shelf.close();
  }
}

/**
 * The readings with the place in words of every record that the plan takes or asks about. The plan is made again with
 * them: planning costs nothing beside opening the books that it does not touch.
 */
export async function withPlaces(
  readings: readonly Reading[],
  plan: PullPlan,
  ports: ShelfPorts,
  running: Running,
): Promise<Reading[]> {
  const taken = [...plan.bases, ...plan.conflicts.map(({ base }) => base)];
  const documents = new Map(taken.map(({ book_id, document }) => [book_id, document]));
  const filled = await openEach(
    readings.filter(({ book }) => documents.has(book.book_id)),
    (reading) => withPlace(reading, documents.get(reading.book.book_id) ?? "", ports, running.signal),
    running,
  );
  return readings.map((reading) => filled.get(reading.book.book_id) ?? reading);
}

async function withPlace(reading: Reading, document: string, ports: ShelfPorts, signal: AbortSignal): Promise<Reading> {
  const shelf = new Shelf(reading.book, ports, signal);
  try {
    const answers = [];
    for (const answer of reading.answers) {
      const { progress } = answer.progress;
      const volume = answer.progress.document === document ? await shelf.volumeOf(answer.candidate, progress) : null;
      const words = volume === null ? null : await wordsAtPosition(volume.text, progress);
      const place = words === null ? "" : sayInWords(words);
      answers.push(place === "" ? answer : { ...answer, place });
    }
    return { ...reading, answers };
  } finally {
    await shelf.close();
  }
}

/** The same place in each file of the book that calibre's viewer opens, with the place in words. */
export async function placesInLibrary(
  requests: readonly PlaceRequest[],
  ports: ShelfPorts,
  { signal }: Pick<Running, "signal">,
): Promise<PlaceAnswer[]> {
  const answers: PlaceAnswer[] = [];
  for (const request of requests) {
    signal.throwIfAborted();
    const shelf = new Shelf(request, ports, signal);
    try {
      answers.push(await placeInLibrary(request, shelf));
    } finally {
      await shelf.close();
    }
  }
  return answers;
}

async function placeInLibrary(request: PlaceRequest, shelf: Shelf): Promise<PlaceAnswer> {
  const { book_id, formats, digests, document, progress } = request;
  const known = digests.find(
    ({ digest, content_key }) => digest === document && content_key !== null && isVersioned(content_key),
  );
  const copy = known ?? digests.find(({ digest }) => digest === document) ?? unknownCopy(document);
  const source = progress === "" ? null : await shelf.volumeOf(copy, progress);
  const words = source === null ? null : await wordsAtPosition(source.text, progress);
  const places: PlaceAnswer["places"] = [];
  for (const format of formats.filter(isShownAsItIs)) {
    const target = await shelf.volume(format.format);
    if (target === null) continue;
    const said =
      (source === null ? null : await inVolume(source, progress, target)) ?? (await atShare(target, request));
    if (said !== null) places.push({ format: format.format, path: format.path, ...said });
  }
  return { book_id, words, places };
}

/** calibre's viewer shows an EPUB as it is; everything else it converts first, and nobody knows into what. */
function isShownAsItIs({ format }: BookFormat): boolean {
  return format === "EPUB";
}

type Said = Omit<PlaceAnswer["places"][number], "format" | "path">;

async function inVolume(source: Volume, progress: string, target: Volume): Promise<Said | null> {
  let pointer = progress;
  if (target !== source) {
    const exchanged = await exchangePosition(source.text, target.text, progress);
    if (exchanged.status !== "exchanged") return null;
    pointer = exchanged.progress;
  }
  const { position, quality, text } = await convertPosition(target.text, pointer, "cfi", { exactShare: false });
  return position === null || quality === "percent" ? null : { cfi: position, quality, text };
}

/** Devices and files count pages so differently that a share within this much of another is no other place. */
const ONE_SHARE = 0.02;

/** An approximate place where nothing but the share is known; null where all who would be moved there are there. */
async function atShare({ text: book }: Volume, { percentage, standing = [] }: PlaceRequest): Promise<Said | null> {
  if (percentage === undefined) return null;
  const { position, text } = await convertPosition(book, `${(percentage * 100).toFixed(4)}%`, "cfi");
  if (position === null) return null;
  const shares = await Promise.all(standing.map(async (cfi) => (await convertPosition(book, cfi, "cfi")).percentage));
  const isThere = shares.every((share) => share !== null && Math.abs(share - percentage) <= ONE_SHARE);
  return isThere && shares.length > 0 ? null : { cfi: position, quality: "percent", text };
}
