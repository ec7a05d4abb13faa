import { locate, type Place } from "./place.ts";
import type { ElementNode, TextNode, Tree } from "./tree.ts";

/** Characters between two places that are still the same place to a reader: about a page. */
export const SAME_PLACE = 1500;

/** The outermost ruby or formula around an element: crengine boxes what is inside, so that alone is pointed at. */
export function boxed(element: ElementNode): ElementNode | null {
  let outermost: ElementNode | null = null;
  for (let at: ElementNode | null = element; at !== null; at = at.parent) {
    if (at.name === "math" || at.name === "ruby") outermost = at;
  }
  return outermost;
}

/** The preformatted element around a text, if its start is near enough to stand for the place. */
function nearbyPre(node: TextNode, ordinal: number): ElementNode | null {
  for (let at: ElementNode | null = node.parent; at !== null; at = at.parent) {
    if (at.name === "pre" || at.name === "textarea") return ordinal - at.start <= SAME_PLACE ? at : null;
  }
  return null;
}

/** The parent of a text or, where that began more than a page ago, what was shown in it last before the text. */
function nearestElement(node: TextNode, ordinal: number): ElementNode {
  const { parent } = node;
  if (ordinal - parent.start <= SAME_PLACE) return parent;
  let nearest = parent;
  for (const child of parent.children) {
    if (child === node) break;
    if (child.kind === "element" && child.visible) nearest = child;
  }
  return nearest;
}

/**
 * The element to point at instead of a text node whose number or length crengine may see otherwise; null where the text
 * itself is sure. Elements are numbered alike in all its versions.
 */
export function safeElement(node: TextNode, ordinal: number): ElementNode | null {
  const whole = boxed(node.parent) ?? nearbyPre(node, ordinal);
  if (whole !== null) return whole;
  return node.nth > node.parent.sureTexts ? nearestElement(node, ordinal) : null;
}

const lastVisible = new WeakMap<Tree, TextNode | null>();

function lastVisibleText(tree: Tree): TextNode | null {
  const known = lastVisible.get(tree);
  if (known !== undefined) return known;
  const last = tree.texts.findLast(({ parent, start, end }) => parent.visible && end > start) ?? null;
  lastVisible.set(tree, last);
  return last;
}

/**
 * The text node to point at. KOReader shows the next visible text for a hidden one, but page 1 when none follows:
 * then it is the last visible text.
 */
export function pointable(tree: Tree, place: Place): { node: TextNode; units: number; moved: boolean } | null {
  const last = lastVisibleText(tree);
  const found = locate(tree, place);
  if (last === null || found === null) return null;
  return found.node.start <= last.start ? { ...found, moved: false } : { node: last, units: 0, moved: true };
}
