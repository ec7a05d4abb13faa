import { parseCfi } from "../../core/position/cfi.ts";
import { type ResolvedPlace, placeOfCfi, placeOfStandardCfi, placeOfXpointer } from "../../core/position/convert.ts";
import { type LinkTarget, elementOfId, parseLinkTarget } from "../../core/position/link-target.ts";
import { locate, ordinalOf, placeOfElement } from "../../core/position/place.ts";
import { placeAtShare } from "../../core/position/share.ts";
import { parseStandardCfi } from "../../core/position/standard-cfi.ts";
import { type Tree, textFrom } from "../../core/position/tree.ts";
import { textFollowing } from "../../core/position/words.ts";
import { type Xpointer, parseXpointer } from "../../core/position/xpointer.ts";
import type { BookText } from "./text.ts";

/** What a position turned out to be, and where it is in this book. */
export type Resolved =
  | {
      readonly kind: "place";
      /** What the position was written as. */
      readonly from: "xpointer" | "cfi" | "share";
      readonly index: number;
      readonly found: ResolvedPlace;
      /** The tree in which it was found. */
      readonly tree: Tree;
      /** Given as a share: that share, which is never replaced by a computed one. */
      readonly share: number | null;
    }
  | { readonly kind: "page"; readonly page: number }
  | { readonly kind: "nowhere"; readonly share: number | null };

const NOWHERE: Resolved = { kind: "nowhere", share: null };

/** A share of the book as people and programs write it: `42 %`, `42.5%` or `0.425`; null for anything else. */
export function parseShare(text: string): number | null {
  const match = /^\s*(\d+(?:[.,]\d+)?)\s*(%?)\s*$/.exec(text);
  if (match === null) return null;
  const number = Number(match[1]?.replace(",", "."));
  const isShare = match[2] === "" && /[.,]/.test(match[1] ?? "");
  const share = match[2] === "%" ? number / 100 : isShare ? number : Number.NaN;
  return share >= 0 && share <= 1 ? share : null;
}

async function treeOf(book: BookText, index: number): Promise<Tree | null> {
  const trees = await book.trees(index);
  return "refused" in trees ? null : trees.crengine;
}

function place(from: "xpointer" | "cfi" | "share", index: number, tree: Tree, found: ResolvedPlace): Resolved {
  return { kind: "place", from, index, tree, found, share: null };
}

async function resolveXpointer(book: BookText, pointer: Xpointer): Promise<Resolved> {
  const isEpub = book.kind === "epub";
  if (isEpub !== (pointer.fragment !== null) || (!isEpub && book.kind !== "document")) return NOWHERE;
  const index = (pointer.fragment ?? 1) - 1;
  const tree = await treeOf(book, index);
  const found = tree === null ? null : placeOfXpointer(tree, pointer);
  // A book first opened before 2024 counts fewer fragments: that reading counts only where the present one fails.
  const old = book.oldFragments[index];
  if ((found === null || !found.exact) && isEpub && old !== undefined && old !== index) {
    const oldTree = await treeOf(book, old);
    const oldFound = oldTree === null ? null : placeOfXpointer(oldTree, pointer);
    if (oldTree !== null && oldFound?.exact === true) return place("xpointer", old, oldTree, oldFound);
  }
  return tree === null || found === null ? NOWHERE : place("xpointer", index, tree, found);
}

async function resolveShare(book: BookText, share: number): Promise<Resolved> {
  const { index, ordinal } = placeAtShare(await book.weights(true), share);
  const tree = await treeOf(book, index);
  if (tree === null) return { kind: "nowhere", share };
  const at = Math.min(ordinal, Math.max(0, tree.characters - 1));
  const found: ResolvedPlace = {
    place: { kind: "text", ordinal: at, side: "before", spaces: 0 },
    exact: false,
    quality: "fragment",
  };
  return { kind: "place", from: "share", index, tree, found, share };
}

/** Where a followed link led to: an id that is not there leaves its file. */
async function resolveLink(book: BookText, { index, id }: LinkTarget): Promise<Resolved> {
  const tree = book.kind === "epub" ? await treeOf(book, index) : null;
  if (tree === null) return NOWHERE;
  const element = id === null ? tree.root : elementOfId(tree, id);
  const found = placeOfElement(tree, element ?? tree.root);
  const isThere = element !== null;
  return place("xpointer", index, tree, { place: found, exact: isThere, quality: isThere ? "element" : "fragment" });
}

/** A CFI of either dialect in the file it names; without calibre's tree of that file, the file itself. */
async function resolveCfi(
  book: BookText,
  index: number | null,
  find: (tree: Tree) => ResolvedPlace,
): Promise<Resolved> {
  const trees = index === null ? null : await book.trees(index);
  if (index === null || trees === null || "refused" in trees) return NOWHERE;
  const { calibre, crengine } = trees;
  if (calibre !== null) return place("cfi", index, calibre, find(calibre));
  return place("cfi", index, crengine, placeOfXpointer(crengine, { fragment: 1, steps: [], point: null }));
}

/** The file at a number of calibre's viewer's spine. */
function viewerFile(book: BookText, spine: number): number | null {
  const name = book.viewer[spine];
  const index = book.spine.findIndex((item) => item.name === name);
  return name === undefined || index === -1 ? null : index;
}

/** Finds a position of any kind in a book: an XPointer, a CFI, a link, a page number, or a share (`42 %`, `0.42`). */
export async function resolvePosition(book: BookText, position: string): Promise<Resolved> {
  const text = position.trim();
  if (/^\d+$/.test(text)) {
    const page = Number(text);
    return book.kind === "pages" && page >= 1 && page <= (book.pages ?? Infinity) ? { kind: "page", page } : NOWHERE;
  }
  const share = parseShare(text);
  if (share !== null) {
    const isReadable = !book.isProtected && (book.kind === "epub" || book.kind === "document");
    return isReadable ? resolveShare(book, share) : { kind: "nowhere", share };
  }
  if (book.isProtected) return NOWHERE;
  const link = parseLinkTarget(text);
  if (link !== null) return resolveLink(book, link);
  // Before the pointer: the standard's path through the package reads like a broken one.
  const standard = parseStandardCfi(text);
  if (standard !== null) {
    return resolveCfi(book, book.fileAt(standard.toFile), (tree) => placeOfStandardCfi(tree, standard));
  }
  const pointer = parseXpointer(text);
  if (pointer !== null) return resolveXpointer(book, pointer);
  const cfi = parseCfi(text);
  if (cfi === null) return NOWHERE;
  return resolveCfi(book, viewerFile(book, cfi.spine), (tree) => placeOfCfi(tree, cfi));
}

/** The first characters at a place, as a reader sees them. */
export function textAtPlace(tree: Tree, { place }: ResolvedPlace, limit: number): string {
  const found = place.kind === "text" ? locate(tree, place) : null;
  if (found !== null) return textFollowing(tree, textFrom(tree, found.node.start), found.units, limit);
  return textFollowing(tree, textFrom(tree, ordinalOf(place)), 0, limit);
}
