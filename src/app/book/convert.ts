import { parseCfi } from "../../core/position/cfi.ts";
import { type Converted, cfiOf, placeOfXpointer, xpointerOf } from "../../core/position/convert.ts";
import { parseLinkTarget } from "../../core/position/link-target.ts";
import { ordinalOf } from "../../core/position/place.ts";
import { blockPointer, shareAt } from "../../core/position/share.ts";
import { parseStandardCfi } from "../../core/position/standard-cfi.ts";
import type { Tree } from "../../core/position/tree.ts";
import { parseXpointer } from "../../core/position/xpointer.ts";
import type { ConvertedPosition, PlaceInWords, PositionQuality } from "../../model/position.ts";
import type { BookText } from "./text.ts";
import { placeInWords, sayInWords } from "./words.ts";
import { type Resolved, resolvePosition, textAtPlace } from "./resolve.ts";

/** What a position can be said as. */
export type PositionTarget = "cfi" | "xpointer" | "words";

/** How much text at the place is told, in characters. */
const TOLD = 60;

type Place = Extract<Resolved, { kind: "place" }>;

const PERCENT: Converted = { position: null, quality: "percent" };

/** From this share on, a book is at its end. */
const END = 0.999;

/** The visible block nearest before a share: a pointer to it, and the place it points at. */
async function blockAt(
  book: BookText,
  resolved: Place,
): Promise<{ pointer: string; index: number; found: Place["found"]; tree: Tree } | null> {
  const share = resolved.share ?? 0;
  const isEpub = book.kind === "epub";
  if (share > 0) {
    const first = share >= END ? book.spine.length - 1 : resolved.index;
    for (let index = first; index >= 0; index -= 1) {
      const trees = await book.trees(index);
      if ("refused" in trees) continue;
      const tree = trees.crengine;
      const ordinal = share < END && index === resolved.index ? ordinalOf(resolved.found.place) : tree.characters;
      const pointer = blockPointer(tree, isEpub ? index + 1 : null, ordinal);
      const parsed = pointer === null ? null : parseXpointer(pointer);
      if (pointer !== null && parsed !== null) return { pointer, index, found: placeOfXpointer(tree, parsed), tree };
      // An image page in the middle of a book is a place of its own.
      if (share < END && isEpub) break;
    }
  }
  if (!isEpub) return null;
  const pointer = `/body/DocFragment[${resolved.index + 1}].0`;
  const found = placeOfXpointer(resolved.tree, { fragment: 1, steps: [], point: 0 });
  return { pointer, index: resolved.index, found, tree: resolved.tree };
}

async function atShare(
  book: BookText,
  position: string,
  resolved: Place,
  to: "cfi" | "xpointer",
): Promise<ConvertedPosition> {
  const block = await blockAt(book, resolved);
  if (block === null) return said(position, PERCENT, resolved.share, "");
  const text = textAtPlace(block.tree, block.found, TOLD);
  const target = to === "xpointer" ? block.pointer : (await inCfi(book, block.index, block.found)).position;
  return said(position, { position: target, quality: "percent" }, resolved.share, text);
}

async function inCfi(book: BookText, index: number, found: Place["found"]): Promise<Converted> {
  const trees = await book.trees(index);
  const spine = book.viewer.indexOf(book.spine[index]?.name ?? "");
  return "refused" in trees || spine === -1 ? PERCENT : cfiOf(trees, spine, found);
}

async function inXpointer(book: BookText, { index, tree, found }: Place): Promise<Converted> {
  const trees = await book.trees(index);
  if ("refused" in trees) return PERCENT;
  // A place of crengine's own tree needs no second one.
  const calibre = tree === trees.crengine ? null : trees.calibre;
  return xpointerOf({ crengine: trees.crengine, calibre }, book.kind === "epub" ? index + 1 : null, found);
}

function said(position: string, to: Converted, percentage: number | null, text: string): ConvertedPosition {
  return { in: position, position: to.position, percentage, quality: to.quality, text };
}

/** The share of the book at a resolved place; `exact` reads the whole book once, otherwise file sizes stand in. */
async function shareOf(book: BookText, resolved: Resolved, exact: boolean): Promise<number | null> {
  if (resolved.kind === "nowhere") return resolved.share;
  if (resolved.kind === "page")
    return book.pages === null ? null : Math.floor((resolved.page / book.pages) * 1e4) / 1e4;
  if (resolved.share !== null) return resolved.share;
  const weights = await book.weights(exact);
  const { index, tree, found } = resolved;
  if (exact) return shareAt(weights, index, ordinalOf(found.place));
  const inFile = tree.characters === 0 ? 0 : ordinalOf(found.place) / tree.characters;
  return shareAt(weights, index, inFile * (weights[index] ?? 0));
}

/**
 * Says a position in another language, verified by the text: `text` when the exact character was found, `element` or
 * `fragment` when only what it stands in, `percent` when nothing but the share of the book. Never throws for a
 * position; what cannot be read at all has `position` null.
 *
 * `exactShare: false` takes file sizes for the lengths of files that are not needed otherwise.
 */
export async function convertPosition(
  book: BookText,
  position: string,
  to: PositionTarget,
  { exactShare = true }: { readonly exactShare?: boolean } = {},
): Promise<ConvertedPosition> {
  const resolved = await resolvePosition(book, position);
  const percentage = await shareOf(book, resolved, exactShare);
  if (resolved.kind === "nowhere") return said(position, PERCENT, percentage, "");
  if (resolved.kind === "page") {
    const isSayable = to === "xpointer";
    return said(position, isSayable ? { position: `${resolved.page}`, quality: "element" } : PERCENT, percentage, "");
  }
  const { index, tree, found, from } = resolved;
  const text = textAtPlace(tree, found, TOLD);
  if (to === "words") {
    const quality: PositionQuality = from === "share" ? "percent" : found.quality;
    return said(position, { position: sayInWords(await placeInWords(book, resolved)), quality }, percentage, text);
  }
  if (from === "share") return atShare(book, position, resolved, to);
  const converted = await (to === "cfi" ? inCfi(book, index, found) : inXpointer(book, resolved));
  return said(position, converted, percentage, text);
}

/** The file of a position, as a number by which positions of one file come together; nothing is resolved. */
function fileOf(position: string): number {
  const link = parseLinkTarget(position)?.index;
  const standard = parseStandardCfi(position)?.toFile[1]?.number;
  return link ?? standard ?? parseXpointer(position)?.fragment ?? parseCfi(position)?.spine ?? 0;
}

/**
 * As {@link convertPosition} for many positions of one book, in the order given. Those of one file are taken together,
 * so that every file is read once, however long the book is.
 */
export async function convertPositions(
  book: BookText,
  positions: readonly string[],
  to: PositionTarget,
): Promise<ConvertedPosition[]> {
  const order = positions.map((position, at) => ({ position, at, file: fileOf(position) }));
  order.sort((a, b) => a.file - b.file);
  const said: ConvertedPosition[] = [];
  for (const { position, at } of order) said[at] = await convertPosition(book, position, to);
  return said;
}

/** Everything known of one position. */
export interface DescribedPosition {
  readonly in: string;
  readonly kind: "xpointer" | "cfi" | "page" | "percent" | "unknown";
  readonly xpointer: string | null;
  readonly cfi: string | null;
  readonly percentage: number | null;
  readonly quality: PositionQuality;
  readonly text: string;
  /** The file inside the book, and its number among KOReader's fragments, from 1. */
  readonly file: string | null;
  readonly fragment: number | null;
  readonly words: PlaceInWords | null;
}

/** Says all that can be said of a position, in every language. */
export async function describePosition(book: BookText, position: string): Promise<DescribedPosition> {
  const resolved = await resolvePosition(book, position);
  const xpointer = await convertPosition(book, position, "xpointer");
  const cfi = await convertPosition(book, position, "cfi");
  const isPlace = resolved.kind === "place";
  const from = isPlace ? resolved.from : null;
  const kind =
    from === "share" || (resolved.kind === "nowhere" && resolved.share !== null)
      ? "percent"
      : (from ?? (resolved.kind === "page" ? "page" : "unknown"));
  return {
    in: position,
    kind,
    xpointer: xpointer.position,
    cfi: cfi.position,
    percentage: xpointer.percentage,
    quality: from === "xpointer" && cfi.position !== null ? cfi.quality : xpointer.quality,
    text: xpointer.text,
    file: isPlace ? (book.spine[resolved.index]?.name ?? null) : null,
    fragment: isPlace && book.kind === "epub" ? resolved.index + 1 : null,
    words: isPlace ? await placeInWords(book, resolved) : null,
  };
}
