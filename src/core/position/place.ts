import { indexOfCharacter, widthAt } from "./characters.ts";
import { countIn, indexIn } from "./text-index.ts";
import { type ElementNode, type TextNode, type Tree, textAt } from "./tree.ts";

/**
 * A place in one spine file that both trees understand. A place in whitespace is told by the character beside it:
 * `after` with the number of spaces behind that character, or `before` with the number of spaces in front of it.
 */
export type Place =
  | { readonly kind: "text"; readonly ordinal: number; readonly side: "before" | "after"; readonly spaces: number }
  | { readonly kind: "element"; readonly ordinal: number; readonly name: string; readonly rank: number };

/** How much of a position was found: the character, only what it stands in, or only its beginning. */
export type FoundQuality = "text" | "element" | "fragment";

/** The place `units` UTF-16 units into a text node. */
export function placeInText(node: TextNode, units: number): Place {
  const { text, start, end } = node;
  const behind = countIn(node, units);
  const isCharacter = units < text.length && text.charCodeAt(units) > 0x20;
  if (isCharacter || end === start) {
    return { kind: "text", ordinal: start + behind, side: "before", spaces: 0 };
  }
  if (behind === 0) {
    return { kind: "text", ordinal: start, side: "before", spaces: indexOfCharacter(text, 0) - units };
  }
  const last = indexIn(node, behind - 1);
  return { kind: "text", ordinal: start + behind - 1, side: "after", spaces: units - last - widthAt(text, last) };
}

function isSpaceAt(text: string, at: number): boolean {
  return at >= 0 && at < text.length && text.charCodeAt(at) <= 0x20;
}

/** Where a place is in a tree: a text node and UTF-16 units into it, or null behind the last character. */
export function locate(tree: Tree, place: Place): { node: TextNode; units: number } | null {
  const node = textAt(tree, place.ordinal);
  if (node === null) return null;
  let units = indexIn(node, place.ordinal - node.start);
  if (place.kind === "element") return { node, units };
  if (place.side === "before") {
    for (let left = place.spaces; left > 0 && isSpaceAt(node.text, units - 1); left -= 1) units -= 1;
    return { node, units };
  }
  units += widthAt(node.text, units);
  for (let left = place.spaces; left > 0 && isSpaceAt(node.text, units); left -= 1) units += 1;
  if (units < node.text.length) return { node, units };
  // The end of a text node is told by what comes next: a CFI could not tell it from the next text.
  const next = textAt(tree, place.ordinal + 1);
  return next === null ? { node, units } : { node: next, units: indexIn(next, place.ordinal + 1 - next.start) };
}

const twins = new WeakMap<Tree, Map<string, ElementNode[]>>();

function twinIndex(tree: Tree): Map<string, ElementNode[]> {
  let index = twins.get(tree);
  if (index !== undefined) return index;
  index = new Map();
  const stack: ElementNode[] = [tree.root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const key = `${node.start} ${node.name.toLowerCase()}`;
    const same = index.get(key);
    if (same === undefined) index.set(key, [node]);
    else same.push(node);
    for (let at = node.children.length - 1; at >= 0; at -= 1) {
      const child = node.children[at];
      if (child?.kind === "element") stack.push(child);
    }
  }
  twins.set(tree, index);
  return index;
}

/** The place where an element begins, told so that the same element is found in the other tree. */
export function placeOfElement(tree: Tree, element: ElementNode): Place {
  const name = element.name.toLowerCase();
  const same = twinIndex(tree).get(`${element.start} ${name}`) ?? [];
  return { kind: "element", ordinal: element.start, name, rank: same.indexOf(element) };
}

/** The element that {@link placeOfElement} told of, in another tree of the same file. */
export function locateElement(tree: Tree, place: Place): ElementNode | null {
  if (place.kind !== "element") return null;
  return twinIndex(tree).get(`${place.ordinal} ${place.name}`)?.[place.rank] ?? null;
}

/** The ordinal of the first character at or behind a place. */
export function ordinalOf(place: Place): number {
  return place.kind === "text" && place.side === "after" ? place.ordinal + 1 : place.ordinal;
}
