/** What a reader could mark in a book. */
import { codePointsOf } from "../../src/core/position/characters.ts";
import { pointerTo } from "../../src/core/position/crengine-pointer.ts";
import type { Tree } from "../../src/core/position/tree.ts";
import type { FoundAnnotation } from "../../src/model/annotation.ts";

/** A highlight without ends. */
export const PLAIN: FoundAnnotation = {
  kind: "highlight",
  created: "2026-11-20 21:04:05",
  updated: null,
  page: "/body/DocFragment[1]/body/p[1]/text().0",
  pos0: null,
  pos1: null,
  text: null,
  edited: false,
  note: null,
  drawer: "lighten",
  color: null,
  chapter: null,
  page_label: null,
  device: "Kobo",
};

/** A highlight as KOReader keeps it. */
export function highlight(
  pos0: string,
  pos1: string,
  text: string,
  more: Partial<FoundAnnotation> = {},
): FoundAnnotation {
  return { ...PLAIN, page: pos0, pos0, pos1, text, ...more };
}

/** Whether a UTF-16 unit is the second half of a character. */
const isPair = (unit: number): boolean => (unit & 0xfc00) === 0xdc00;

/** Words as a reader sees them between two places of crengine's tree, and pointers to both. */
export function select(
  tree: Tree,
  fragment: number,
  from: [number, number],
  to: [number, number],
): FoundAnnotation | null {
  const seen = tree.texts.filter((node) => node.parent.visible && node.end > node.start);
  const [first, last] = [seen[from[0] % seen.length], seen[to[0] % seen.length]];
  if (first === undefined || last === undefined) return null;
  const whole = seen.slice(seen.indexOf(first), seen.indexOf(last) + 1);
  const [start, end] = [from[1] % first.text.length, to[1] % (last.text.length + 1)];
  const text = whole.map((node) => node.text).join("");
  const words = text.slice(start, text.length - last.text.length + end).trim();
  if (words === "" || isPair(first.text.charCodeAt(start)) || isPair(last.text.charCodeAt(end))) return null;
  const [pos0, pos1] = [
    pointerTo(first, fragment, codePointsOf(first.text, start)),
    pointerTo(last, fragment, codePointsOf(last.text, end)),
  ];
  return highlight(pos0, pos1, words);
}
