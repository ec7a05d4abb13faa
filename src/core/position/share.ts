import { pointerTo } from "./crengine-pointer.ts";
import { type ElementNode, type Tree, textFrom } from "./tree.ts";
import { blockOf } from "./words.ts";

/** A page with nothing but an image counts as this many characters. */
const IMAGE_PAGE = 1500;

const IMAGES = new Set(["img", "image", "svg", "object", "video"]);

function hasImage(root: ElementNode): boolean {
  const stack: ElementNode[] = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (IMAGES.has(node.name)) return true;
    for (const child of node.children) if (child.kind === "element") stack.push(child);
  }
  return false;
}

/** How much of a book one spine file is, in characters. */
export function weightOf(tree: Tree): number {
  if (tree.characters > 0) return tree.characters;
  return hasImage(tree.root) ? IMAGE_PAGE : 1;
}

/** The share of the book, 0 to 1, at an ordinal of the fragment at `index`; cut down to four digits as KOReader does. */
export function shareAt(weights: readonly number[], index: number, ordinal: number): number {
  let before = 0;
  let total = 0;
  for (const [at, weight] of weights.entries()) {
    if (at < index) before += weight;
    total += weight;
  }
  if (total === 0) return 0;
  const here = Math.min(ordinal, weights[index] ?? 0);
  // A hair is added so that 0.29 does not become 0.2899 by the way floating point divides.
  return Math.floor(((before + here) / total) * 10_000 + 1e-9) / 10_000;
}

/** Which fragment a share falls into, and at which ordinal of it. */
export function placeAtShare(weights: readonly number[], share: number): { index: number; ordinal: number } {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const wanted = share * total;
  let before = 0;
  for (const [index, weight] of weights.entries()) {
    if (before + weight > wanted) return { index, ordinal: Math.floor(wanted - before) };
    before += weight;
  }
  const last = Math.max(0, weights.length - 1);
  return { index: last, ordinal: weights[last] ?? 0 };
}

/** A pointer to the visible block that begins last at or before an ordinal; null in a file without visible text. */
export function blockPointer(tree: Tree, fragment: number | null, ordinal: number): string | null {
  let block: ElementNode | null = null;
  for (let at = Math.min(textFrom(tree, ordinal), tree.texts.length - 1); at >= 0; at -= 1) {
    const node = tree.texts[at];
    if (node === undefined || !node.parent.visible || node.end === node.start) continue;
    block = blockOf(node);
    if (block.start <= ordinal && block.visible) break;
  }
  return block === null || block.parent === null ? null : pointerTo(block, fragment, null);
}
