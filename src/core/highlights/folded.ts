/** Texts without what makes no difference between KOReader's words and a book's: white space and soft hyphens. */
import { type Characters, charactersBetween } from "../position/between.ts";
import type { Tree } from "../position/tree.ts";

const IGNORED = /[\s\u00AD\u200B\uFEFF]/u;
const ALL_IGNORED = /[\s\u00AD\u200B\uFEFF]+/gu;

/** A text as it is compared. */
export function fold(text: string): string {
  return text.replaceAll(ALL_IGNORED, "");
}

/** What stands between two ordinals of a tree, as it is compared; `shown` leaves out what a reader does not see. */
export function foldedBetween(tree: Tree, first: number, end: number, shown: "all" | "shown" = "all"): Characters {
  const isMeant = shown === "all" ? undefined : (node: Tree["texts"][number]) => node.parent.visible;
  const { text, ordinals } = charactersBetween(tree, first, end, isMeant);
  const kept: number[] = [];
  let folded = "";
  for (let unit = 0; unit < text.length; unit += 1) {
    const one = text.charAt(unit);
    if (IGNORED.test(one)) continue;
    folded += one;
    kept.push(ordinals[unit] ?? 0);
  }
  return { text: folded, ordinals: kept };
}
