import { alignedOrdinal } from "./align.ts";
import { codePointsOf, unitsOf } from "./characters.ts";
import { cfiTo, followCfi } from "./calibre-cfi.ts";
import { type Cfi, formatCfi } from "./cfi.ts";
import { followSteps, pointerTo } from "./crengine-pointer.ts";
import { type Place, locate, locateElement, ordinalOf, placeInText, placeOfElement } from "./place.ts";
import { type ElementNode, type TextNode, type Tree, textAt, textFrom } from "./tree.ts";
import { type Xpointer, parseXpointer } from "./xpointer.ts";

/** The two trees of one spine file; calibre's is null where that file is refused. */
export interface SpineTrees {
  readonly crengine: Tree;
  readonly calibre: Tree | null;
}

/** A place found from a position: exact, or only an ancestor of what the position names. */
export interface ResolvedPlace {
  readonly place: Place;
  readonly exact: boolean;
}

/** What became of a position in the other language; `position` is null when nothing in this file could be found. */
export interface Converted {
  readonly position: string | null;
  readonly quality: "text" | "element" | "fragment" | "percent";
}

/** Resolves a pointer's steps in crengine's tree of its file. Beyond the end of a text node it is not exact. */
export function placeOfXpointer(tree: Tree, { steps, point }: Xpointer): ResolvedPlace {
  const { node, exact } = followSteps(tree, steps);
  if (node.kind === "text") {
    const units = point === null ? 0 : unitsOf(node.text, point);
    if (units === null) return { place: placeOfElement(tree, node.parent), exact: false };
    return { place: placeInText(node, units), exact };
  }
  const child = point === null || !exact ? undefined : node.children[point];
  if (point !== null && point > 0 && child !== undefined && child.kind !== "comment") {
    return { place: child.kind === "text" ? placeInText(child, 0) : placeOfElement(tree, child), exact };
  }
  return { place: placeOfElement(tree, node), exact };
}

/** Resolves a CFI's path in calibre's tree of its file. */
export function placeOfCfi(tree: Tree, cfi: Cfi): ResolvedPlace {
  const { node, units, exact } = followCfi(tree, cfi);
  const place = node.kind === "text" ? placeInText(node, units) : placeOfElement(tree, node);
  return { place, exact };
}

/** The same place in the other tree of its file, verified by the text; null when the text is not there. */
function aligned(from: Tree, to: Tree, place: Place): Place | null {
  const ordinal = alignedOrdinal(from, to, place.ordinal);
  return ordinal === null ? null : { ...place, ordinal };
}

/** A place in text that crengine has dropped is told by the last text it kept before it. */
function beforeDropped(crengine: Tree, calibre: Tree, { ordinal }: Place): Place | null {
  let at = textFrom(crengine, ordinal);
  if (at < crengine.texts.length && textAt(crengine, ordinal) !== null) return null;
  do at -= 1;
  while (at >= 0 && crengine.texts[at]?.end === crengine.texts[at]?.start);
  const kept = crengine.texts[at];
  if (kept === undefined) return null;
  return aligned(calibre, crengine, { kind: "text", ordinal: kept.end - 1, side: "after", spaces: 0 });
}

/** The text node of `tree` at a place, or the nearest element it can be told by. */
function textOrElement(tree: Tree, place: Place): { node: TextNode; units: number } | ElementNode | null {
  if (place.kind === "element") {
    const element = locateElement(tree, place);
    if (element !== null) return element;
  }
  return locate(tree, place);
}

/** Whether a place is the file itself. */
function isWhole(place: Place): boolean {
  return place.kind === "element" && (place.name === "docfragment" || place.name === "body");
}

/** Says a place of crengine's tree as a CFI for the file at `spine` of the viewer's spine, verified by the text. */
export function cfiOf({ crengine, calibre }: SpineTrees, spine: number, { place, exact }: ResolvedPlace): Converted {
  const file: Converted = {
    position: formatCfi({
      spine,
      steps: [
        { number: 2, id: null },
        { number: 4, id: null },
      ],
      offset: null,
    }),
    quality: "fragment",
  };
  // The viewer shows a cover page as its image alone: only the body itself is sure to be there.
  if (calibre === null || calibre.characters === 0) return file;
  const there = isWhole(place) ? null : aligned(crengine, calibre, place);
  const found = there === null ? null : textOrElement(calibre, there);
  if (found === null) return file;
  if ("kind" in found) {
    if (found === calibre.root) return file;
    return { position: formatCfi(cfiTo(calibre, spine, found, 0)), quality: "element" };
  }
  const cfi = cfiTo(calibre, spine, found.node, found.units);
  return { position: formatCfi(cfi), quality: exact && place.kind === "text" ? "text" : "element" };
}

/** The outermost ruby or formula around an element: crengine boxes what is inside, so that alone is pointed at. */
function boxed(element: ElementNode): ElementNode | null {
  let outermost: ElementNode | null = null;
  for (let at: ElementNode | null = element; at !== null; at = at.parent) {
    if (at.name === "math" || at.name === "ruby") outermost = at;
  }
  return outermost;
}

/** Characters between two places that are still the same place to a reader: about a page. */
export const SAME_PLACE = 1500;

/** The preformatted element around a text, if its start is near enough to stand for the place. */
function nearbyPre(node: TextNode, ordinal: number): ElementNode | null {
  for (let at: ElementNode | null = node.parent; at !== null; at = at.parent) {
    if (at.name === "pre" || at.name === "textarea") return ordinal - at.start <= SAME_PLACE ? at : null;
  }
  return null;
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
function pointable(tree: Tree, place: Place): { node: TextNode; units: number; moved: boolean } | null {
  const last = lastVisibleText(tree);
  const found = locate(tree, place);
  if (last === null || found === null) return null;
  return found.node.start <= last.start ? { ...found, moved: false } : { node: last, units: 0, moved: true };
}

/** Whether a pointer, followed again, ends where it was made for. */
function leadsTo(tree: Tree, pointer: string, ordinal: number): boolean {
  const parsed = parseXpointer(pointer);
  if (parsed === null) return false;
  const { place, exact } = placeOfXpointer(tree, parsed);
  return exact && ordinalOf(place) === ordinal;
}

/** Says a place of calibre's tree as a pointer into fragment `fragment`, verified by the text and by following it. */
export function xpointerOf(
  { crengine, calibre }: SpineTrees,
  fragment: number | null,
  { place, exact }: ResolvedPlace,
): Converted {
  const file: Converted =
    fragment === null
      ? { position: null, quality: "percent" }
      : { position: `/body/DocFragment[${fragment}].0`, quality: "fragment" };
  if (isWhole(place) && fragment !== null) return file;
  const sure = calibre === null ? place : aligned(calibre, crengine, place);
  const there = sure ?? (calibre === null ? null : beforeDropped(crengine, calibre, place));
  if (there === null) return file;
  if (place.kind === "element") {
    const element = locateElement(crengine, there);
    if (element?.visible === true && element.parent !== null && boxed(element) === null) {
      return { position: pointerTo(element, fragment, null), quality: "element" };
    }
  }
  const found = pointable(crengine, there);
  if (found === null) return file;
  const { node, units, moved } = found;
  const isText = exact && !moved && sure !== null && place.kind === "text";
  const whole = boxed(node.parent) ?? nearbyPre(node, there.ordinal);
  if (whole !== null) return { position: pointerTo(whole, fragment, null), quality: "element" };
  const pointer = pointerTo(node, fragment, codePointsOf(node.text, units));
  if (leadsTo(crengine, pointer, ordinalOf(placeInText(node, units)))) {
    return { position: pointer, quality: isText ? "text" : "element" };
  }
  return { position: pointerTo(node.parent, fragment, null), quality: "element" };
}
