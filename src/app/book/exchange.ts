import { xpointerOf } from "../../core/position/convert.ts";
import { textKey } from "../../core/position/text-key.ts";
import type { BookText } from "./text.ts";
import { resolvePosition } from "./resolve.ts";

/** The text keys of a book's files, in the order of its fragments; null for a file without text or without trees. */
export async function textKeys(book: BookText): Promise<readonly (string | null)[]> {
  const keys: Array<string | null> = [];
  for (const index of book.spine.keys()) {
    const trees = await book.trees(index);
    keys.push("refused" in trees || trees.crengine.characters === 0 ? null : textKey(trees.crengine));
  }
  return keys;
}

/** What became of a pointer carried from one copy of a text to another. */
export type Exchanged =
  | { readonly status: "exchanged"; readonly progress: string; readonly quality: "text" | "element" | "fragment" }
  | { readonly status: "percent_only"; readonly reason: "no_place" | "other_text" };

/**
 * Carries a pointer of one copy (an EPUB) to another of the same text (its KEPUB): the file is found by its text key,
 * the place by its ordinal, and the text verified. Copies whose files have no key in common exchange nothing.
 */
export async function exchangePosition(from: BookText, to: BookText, position: string): Promise<Exchanged> {
  const resolved = await resolvePosition(from, position);
  if (resolved.kind !== "place") return { status: "percent_only", reason: "no_place" };
  const source = await from.trees(resolved.index);
  if ("refused" in source) return { status: "percent_only", reason: "no_place" };
  if (source.crengine.characters === 0) return { status: "percent_only", reason: "other_text" };
  const key = textKey(source.crengine);
  // The file of the same number first: in nearly every pair of copies it is that one.
  const order = [...to.spine.keys()].sort((a, b) => Math.abs(a - resolved.index) - Math.abs(b - resolved.index));
  for (const index of order) {
    const target = await to.trees(index);
    if ("refused" in target || target.crengine.characters !== source.crengine.characters) continue;
    if (textKey(target.crengine) !== key) continue;
    const trees = { crengine: target.crengine, calibre: source.crengine };
    const { position: progress, quality } = xpointerOf(trees, to.kind === "epub" ? index + 1 : null, resolved.found);
    if (progress !== null && quality !== "percent") return { status: "exchanged", progress, quality };
  }
  return { status: "percent_only", reason: "other_text" };
}
