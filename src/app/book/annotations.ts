/** Where a reader's highlights and bookmarks stand in a file of the library, each proved by its words. */
import { fold } from "../../core/highlights/folded.ts";
import { cfisOf, placesOf, type Range, rangeBetween, rangeInCalibre, shows } from "../../core/highlights/range.ts";
import type { ResolvedPlace } from "../../core/position/convert.ts";
import type { Tree } from "../../core/position/tree.ts";
import type { FoundAnnotation, AnnotationPlace, UnplacedReason } from "../../model/annotation.ts";
import { convertPosition } from "./convert.ts";
import { resolvePosition, type Resolved } from "./resolve.ts";
import type { BookText } from "./text.ts";

/** All of an annotation that its place depends on. */
type Found = Omit<FoundAnnotation, "device">;

type Place = Extract<Resolved, { kind: "place" }>;

const unplaced = (reason: UnplacedReason): AnnotationPlace => ({ status: "unplaced", reason });

/**
 * A highlight is placed where its two ends lead and its very words stand, in the tree that calibre itself shows; else
 * where these words stand once in the file it was made in, or once in the book. Never anywhere at a guess.
 */
export async function placeAnnotation(book: BookText, annotation: Found): Promise<AnnotationPlace> {
  if (book.isProtected) return unplaced("protected");
  if (book.kind === "pages" || /^\d+$/.test(annotation.page)) return unplaced("paged");
  if (book.kind !== "epub") return unplaced("no_text_file");
  return annotation.kind === "bookmark" ? placeBookmark(book, annotation) : placeHighlight(book, annotation);
}

async function placeBookmark(book: BookText, { page }: Found): Promise<AnnotationPlace> {
  const { position, quality } = await convertPosition(book, page, "cfi", { exactShare: false });
  const isFound = position !== null && (quality === "text" || quality === "element");
  return isFound ? { status: "bookmark", cfi: position } : unplaced("place_lost");
}

async function placeHighlight(book: BookText, annotation: Found): Promise<AnnotationPlace> {
  const { text, edited, pos0, pos1 } = annotation;
  if (pos0 === null || pos1 === null) return unplaced("no_ends");
  if (edited) return unplaced("text_edited");
  const words = fold(text ?? "");
  if (words === "") return unplaced("text_differs");
  const [first, second] = [await endOf(book, pos0), await endOf(book, pos1)];
  const isOneFile = first !== null && second !== null && first.index === second.index;
  if (isOneFile) {
    const placed = await placeByEnds(book, first.index, first.found, second.found, words);
    if (placed !== null) return placed;
  }
  const found = await placeBySearch(book, first?.index ?? null, words);
  if (found.status === "highlight" || first === null || second === null || isOneFile) return found;
  return unplaced("several_files");
}

async function endOf(book: BookText, pointer: string): Promise<Place | null> {
  const resolved = await resolvePosition(book, pointer);
  return resolved.kind === "place" && resolved.from === "xpointer" ? resolved : null;
}

async function placeByEnds(
  book: BookText,
  index: number,
  first: ResolvedPlace,
  second: ResolvedPlace,
  words: string,
): Promise<AnnotationPlace | null> {
  const trees = await book.trees(index);
  const range = rangeBetween(first, second);
  if ("refused" in trees || trees.calibre === null || range === null) return null;
  if (!shows(trees.crengine, range, words)) return null;
  const there = rangeInCalibre(trees.crengine, trees.calibre, range, words);
  return there === null ? null : highlightAt(book, index, trees.calibre, there, "ends");
}

/** Where the words stand once: in the file they were marked in, else in the whole book. */
async function placeBySearch(book: BookText, index: number | null, words: string): Promise<AnnotationPlace> {
  const here = index === null ? [] : await search(book, index, words);
  const [only] = here;
  if (here.length === 1 && only !== undefined) return only;
  if (here.length > 1) return unplaced("not_unique");
  const elsewhere: AnnotationPlace[] = [];
  for (const other of book.spine.keys()) {
    const found = other === index ? [] : await search(book, other, words);
    for (const place of found) elsewhere.push(place);
    if (elsewhere.length > 1) return unplaced("not_unique");
  }
  return elsewhere[0] ?? unplaced("text_differs");
}

async function search(book: BookText, index: number, words: string): Promise<AnnotationPlace[]> {
  const trees = await book.trees(index);
  if ("refused" in trees || trees.calibre === null) return [];
  const { calibre } = trees;
  return placesOf(calibre, words).map((range) => highlightAt(book, index, calibre, range, "search"));
}

function highlightAt(
  book: BookText,
  index: number,
  calibre: Tree,
  range: Range,
  by: "ends" | "search",
): AnnotationPlace {
  // Another parser than the viewer's own has repaired it: what it shows may be cut up otherwise.
  if (calibre.repaired) return unplaced("ill_formed");
  const spine_name = book.spine[index]?.name ?? "";
  const spine_index = book.viewer.indexOf(spine_name);
  const ends = cfisOf(calibre, range);
  if (spine_index === -1 || ends === null) return unplaced("place_lost");
  return { status: "highlight", by, spine_name, spine_index, ...ends };
}
