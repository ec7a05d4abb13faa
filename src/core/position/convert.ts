import { alignedOrdinal } from "./align.ts";
import { codePointsOf, unitsOf } from "./characters.ts";
import { type FoundByCfi, cfiTo, followCfi } from "./calibre-cfi.ts";
import { type Cfi, formatCfi } from "./cfi.ts";
import { followSteps, pointerTo } from "./crengine-pointer.ts";
import {
  type FoundQuality,
  type Place,
  locate,
  locateElement,
  ordinalOf,
  placeInText,
  placeOfElement,
} from "./place.ts";
import { boxed, pointable, safeElement } from "./safe-pointer.ts";
import { type StandardCfi, followStandardCfi } from "./standard-cfi.ts";
import { type ElementNode, type TextNode, type Tree, textAt, textFrom } from "./tree.ts";
import { type Xpointer, parseXpointer } from "./xpointer.ts";

/** The two trees of one spine file; calibre's is null where that file is refused. */
export interface SpineTrees {
  readonly crengine: Tree;
  readonly calibre: Tree | null;
}

/** A place found from a position. */
export interface ResolvedPlace {
  readonly place: Place;
  /** All of the position was found; otherwise it is the nearest thing around what the position names. */
  readonly exact: boolean;
  /** What may be said of it at best: also of an exact place the reader's own tree may have another text there. */
  readonly quality: FoundQuality;
}

/** What became of a position in the other language; `position` is null when nothing in this file could be found. */
export interface Converted {
  readonly position: string | null;
  readonly quality: "text" | "element" | "fragment" | "percent";
}

function elementPlace(tree: Tree, element: ElementNode, exact: boolean, quality: FoundQuality): ResolvedPlace {
  return { place: placeOfElement(tree, element), exact, quality };
}

/** Resolves a pointer's steps in crengine's tree of its file. Beyond the end of a text node it is not exact. */
export function placeOfXpointer(tree: Tree, { steps, point }: Xpointer): ResolvedPlace {
  const { node, exact } = followSteps(tree, steps);
  if (node.kind === "text") {
    const units = point === null ? 0 : unitsOf(node.text, point);
    if (units === null) return elementPlace(tree, node.parent, false, "element");
    const isSure = !tree.repaired && node.nth <= node.parent.sureTexts;
    return { place: placeInText(node, units), exact, quality: isSure ? "text" : "element" };
  }
  if (!exact) return elementPlace(tree, node, false, "fragment");
  const child = point === null || point === 0 ? undefined : node.children[point];
  if (child?.kind === "text") return { place: placeInText(child, 0), exact, quality: "element" };
  return elementPlace(tree, child?.kind === "element" ? child : node, exact, "element");
}

function foundIn(tree: Tree, { node, units, exact, quality }: FoundByCfi): ResolvedPlace {
  if (node.kind === "element") return elementPlace(tree, node, exact, quality);
  return { place: placeInText(node, units), exact, quality: tree.repaired ? "element" : quality };
}

/** Resolves a CFI's path in calibre's tree of its file. */
export function placeOfCfi(tree: Tree, cfi: Cfi): ResolvedPlace {
  return foundIn(tree, followCfi(tree, cfi));
}

/** Resolves the path of a standard CFI inside its document, whose body is that of calibre's tree. */
export function placeOfStandardCfi(tree: Tree, cfi: StandardCfi): ResolvedPlace {
  return foundIn(tree, followStandardCfi(tree, cfi));
}

const QUALITIES: readonly FoundQuality[] = ["text", "element", "fragment"];

/** The worse of two qualities. */
function atMost(one: FoundQuality, other: FoundQuality): FoundQuality {
  return QUALITIES.indexOf(one) > QUALITIES.indexOf(other) ? one : other;
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
export function cfiOf({ crengine, calibre }: SpineTrees, spine: number, found: ResolvedPlace): Converted {
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
  const there = isWhole(found.place) ? null : aligned(crengine, calibre, found.place);
  const target = there === null ? null : textOrElement(calibre, there);
  if (target === null) return file;
  const most = found.quality;
  if ("kind" in target) {
    if (target === calibre.root) return file;
    return { position: formatCfi(cfiTo(calibre, spine, target, 0)), quality: atMost("element", most) };
  }
  const cfi = cfiTo(calibre, spine, target.node, target.units);
  return { position: formatCfi(cfi), quality: calibre.repaired ? atMost("element", most) : most };
}

/** Whether a pointer, followed again, ends where it was made for. */
function leadsTo(tree: Tree, pointer: string, ordinal: number): boolean {
  const parsed = parseXpointer(pointer);
  if (parsed === null) return false;
  const { place, exact } = placeOfXpointer(tree, parsed);
  return exact && ordinalOf(place) === ordinal;
}

/**
 * Says a place as a pointer into fragment `fragment` that every crengine follows, verified by the text and by following
 * it. The place is one of calibre's tree, or of crengine's own where `calibre` is null.
 */
export function xpointerOf({ crengine, calibre }: SpineTrees, fragment: number | null, from: ResolvedPlace): Converted {
  const { place } = from;
  const file: Converted =
    fragment === null
      ? { position: null, quality: "percent" }
      : { position: `/body/DocFragment[${fragment}].0`, quality: "fragment" };
  if (isWhole(place) && fragment !== null) return file;
  const same = calibre === null ? place : aligned(calibre, crengine, place);
  const there = same ?? (calibre === null ? null : beforeDropped(crengine, calibre, place));
  if (there === null) return file;
  const most = from.quality;
  const said = (element: ElementNode): Converted => ({
    position: pointerTo(element, fragment, null),
    quality: atMost("element", most),
  });
  if (place.kind === "element") {
    const element = locateElement(crengine, there);
    if (element?.visible === true && element.parent !== null && boxed(element) === null) return said(element);
  }
  const target = pointable(crengine, there);
  if (target === null) return file;
  const { node, units, moved } = target;
  const whole = safeElement(node, there.ordinal);
  if (whole !== null) return said(whole);
  const pointer = pointerTo(node, fragment, codePointsOf(node.text, units));
  if (!leadsTo(crengine, pointer, ordinalOf(placeInText(node, units)))) return said(node.parent);
  return { position: pointer, quality: moved || same === null ? atMost("element", most) : most };
}
