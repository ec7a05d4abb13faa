/** A stretch of one file's text, told in ordinals that both of its trees share, and proved by what stands there. */
import { alignedOrdinal } from "../position/align.ts";
import type { Characters } from "../position/between.ts";
import { cfiTo } from "../position/calibre-cfi.ts";
import { type Cfi, formatCfiPath } from "../position/cfi.ts";
import { widthAt } from "../position/characters.ts";
import type { ResolvedPlace } from "../position/convert.ts";
import { ordinalOf } from "../position/place.ts";
import { indexIn } from "../position/text-index.ts";
import { type TextNode, type Tree, textAt } from "../position/tree.ts";
import { foldedBetween } from "./folded.ts";

/** From the first character on, up to the one behind the last; ordinals as in `characters.ts`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The two ends of a highlight as calibre keeps them: paths inside the file, without the spine's step. */
export interface CfiRange {
  readonly start_cfi: string;
  readonly end_cfi: string;
}

/** So few characters are found in many places of a book: they are never looked for. */
const ENOUGH = 12;

/**
 * The stretch between KOReader's two ends, both found exactly in crengine's tree. The second one names the character
 * behind the last; two ends at one place are one character. Null for none.
 */
export function rangeBetween(first: ResolvedPlace, second: ResolvedPlace): Range | null {
  if (!first.exact || !second.exact) return null;
  const [start, end] = [ordinalOf(first.place), ordinalOf(second.place)];
  if (end < start) return null;
  return { start, end: end === start ? start + 1 : end };
}

/** Whether exactly these words, already folded, stand there for a reader to see. */
export function shows(tree: Tree, { start, end }: Range, words: string): boolean {
  return words !== "" && foldedBetween(tree, start, end, "shown").text === words;
}

/** Whether exactly these words stand there, and nothing hidden between them. */
function holds(tree: Tree, { start, end }: Range, words: string): boolean {
  return words !== "" && foldedBetween(tree, start, end).text === words;
}

/** The same stretch in calibre's tree of the file, proved by the words; null where they do not stand there alone. */
export function rangeInCalibre(crengine: Tree, calibre: Tree, range: Range, words: string): Range | null {
  if (holds(calibre, range, words)) return range;
  const start = alignedOrdinal(crengine, calibre, range.start);
  const last = alignedOrdinal(crengine, calibre, range.end - 1);
  if (start === null || last === null || last < start) return null;
  const there = { start, end: last + 1 };
  return holds(calibre, there, words) ? there : null;
}

const folded = new WeakMap<Tree, Characters>();

/** All of a file's text as it is compared; made once, however many words are looked for. */
function foldedText(tree: Tree): Characters {
  let text = folded.get(tree);
  if (text === undefined) {
    text = foldedBetween(tree, 0, tree.characters);
    folded.set(tree, text);
  }
  return text;
}

/** Every place of a file where these words stand, at most two of them: one is a place, two are none. */
export function placesOf(calibre: Tree, words: string): Range[] {
  if (words.length < ENOUGH) return [];
  const { text, ordinals } = foldedText(calibre);
  const found: Range[] = [];
  for (let at = text.indexOf(words); at !== -1 && found.length < 2; at = text.indexOf(words, at + 1)) {
    const [start, last] = [ordinals[at], ordinals[at + words.length - 1]];
    if (start !== undefined && last !== undefined) found.push({ start, end: last + 1 });
  }
  return found;
}

/**
 * Where a stretch begins. At the border of two direct texts of one element the viewer takes the end of the first, with
 * all that lies between them: then the end of the very last text before is named, which has nothing in between.
 */
function startOf(calibre: Tree, first: TextNode, units: number): Cfi {
  if (units > 0 || first.before === 0) return cfiTo(calibre, 0, first, units);
  const before = calibre.texts.slice(0, calibre.texts.indexOf(first)).findLast(({ text }) => text.length > 0);
  return before === undefined ? cfiTo(calibre, 0, first, units) : cfiTo(calibre, 0, before, before.text.length);
}

/** The ends of a stretch in calibre's tree; null where the text is not kept in it. */
export function cfisOf(calibre: Tree, { start, end }: Range): CfiRange | null {
  const [first, last] = [textAt(calibre, start), textAt(calibre, end - 1)];
  if (first === null || last === null) return null;
  const from = indexIn(first, start - first.start);
  const at = indexIn(last, end - 1 - last.start);
  return {
    start_cfi: formatCfiPath(startOf(calibre, first, from)),
    end_cfi: formatCfiPath(cfiTo(calibre, 0, last, at + widthAt(last.text, at))),
  };
}
