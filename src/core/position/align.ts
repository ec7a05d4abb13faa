import { charactersBetween } from "./between.ts";
import type { Tree } from "./tree.ts";
import { charactersFrom } from "./words.ts";

/** Non-whitespace characters that must agree behind a place before it counts as found. */
const AGREE = 12;
/** In a broken file the two readers may have lost or gained characters: the same text is looked for this far around. */
const AROUND = 3000;
const CONTEXT = 24;

/** Whether both trees go on with the same characters, as far as both have kept them. */
function agree(from: Tree, to: Tree, ordinal: number): boolean {
  const here = charactersFrom(from, ordinal, AGREE);
  const there = charactersFrom(to, ordinal, AGREE);
  if (here === there) return here !== "" || (ordinal >= from.characters && from.characters === to.characters);
  if (here === "" || there === "") return false;
  // One may be shorter where its tree has dropped what follows (text between table cells), but not at its end.
  const [shorter, longer, tree] = here.length < there.length ? [here, there, from] : [there, here, to];
  return longer.startsWith(shorter) && ordinal + Array.from(shorter).length < tree.characters;
}

/** Where `needle` begins in `text`, the nearest to `middle`; -1 without it. */
function nearest(text: string, needle: string, middle: number): number {
  const before = text.lastIndexOf(needle, middle);
  const behind = text.indexOf(needle, middle);
  if (before === -1 || behind === -1) return Math.max(before, behind);
  return middle - before <= behind - middle ? before : behind;
}

/**
 * The ordinal in `to` of the character that stands at `ordinal` in `from`, verified by at least 12 characters (fewer
 * at the very end); null when the same text is not found there or near by. In sound files it is the same number.
 */
export function alignedOrdinal(from: Tree, to: Tree, ordinal: number): number | null {
  if (agree(from, to, ordinal)) return ordinal;
  const { text, ordinals } = charactersBetween(to, Math.max(0, ordinal - AROUND), ordinal + AROUND);
  const middle = Math.max(
    0,
    ordinals.findIndex((one) => one >= ordinal),
  );
  const behind = charactersBetween(from, ordinal, ordinal + CONTEXT).text;
  if (behind.length >= AGREE) {
    const at = nearest(text, behind, middle);
    return at === -1 ? null : (ordinals[at] ?? null);
  }
  // Near the end of a file there is too little behind: then what stands before tells the place.
  const before = charactersBetween(from, Math.max(0, ordinal - CONTEXT), ordinal).text + behind;
  const at = before.length < AGREE ? -1 : nearest(text, before, middle);
  return at === -1 ? null : (ordinals[at + before.length - behind.length] ?? null);
}
