import { ordinalOf } from "../../core/position/place.ts";
import { headingBefore, ordinalsOfIds } from "../../core/position/toc.ts";
import { type Tree, textFrom } from "../../core/position/tree.ts";
import { sentenceAt } from "../../core/position/words.ts";
import type { PlaceInWords } from "../../model/position.ts";
import type { BookText } from "./text.ts";
import { type Resolved, resolvePosition } from "./resolve.ts";

type Place = Extract<Resolved, { kind: "place" }>;

/** The last entry of the table of contents that lies at or before the place; null where it lists nothing before it. */
async function chapterFromToc(book: BookText, { index, found }: Place, tree: Tree): Promise<string | null> {
  const toc = await book.toc();
  const order = new Map<string, number>();
  for (const [at, { name }] of book.spine.entries()) if (!order.has(name)) order.set(name, at);
  const name = book.spine[index]?.name;
  const ordinal = ordinalOf(found.place);
  const ids = toc.some((entry) => entry.name === name && entry.id !== null) ? ordinalsOfIds(tree) : null;
  let best: { title: string; file: number; at: number } | null = null;
  for (const entry of toc) {
    const isHere = entry.name === name;
    const file = isHere ? index : order.get(entry.name);
    if (file === undefined || file > index) continue;
    const at = isHere && entry.id !== null ? (ids?.get(entry.id) ?? 0) : 0;
    if (isHere && at > ordinal) continue;
    // Of two at the same place the later one is the more precise.
    if (best === null || file > best.file || (file === best.file && (!isHere || at >= best.at))) {
      best = { title: entry.title, file, at };
    }
  }
  return best?.title ?? null;
}

/** The chapter's title and the sentence at a resolved place; no sentence where only a pointer's beginning was found. */
export async function placeInWords(book: BookText, resolved: Place): Promise<PlaceInWords> {
  const trees = await book.trees(resolved.index);
  const tree = "refused" in trees ? resolved.tree : trees.crengine;
  const ordinal = Math.min(ordinalOf(resolved.found.place), Math.max(0, tree.characters - 1));
  const chapter = (await chapterFromToc(book, resolved, tree)) ?? headingBefore(tree, ordinal);
  const { from, found } = resolved;
  const isLost = from !== "share" && !found.exact && found.quality === "fragment";
  const isText = !isLost && textFrom(tree, ordinal) < tree.texts.length;
  return { chapter, sentence: isText ? sentenceAt(tree, ordinal) : "" };
}

/** The chapter's title and the sentence at a position of any kind; null where the book does not hold it. */
export async function wordsAtPosition(book: BookText, position: string): Promise<PlaceInWords | null> {
  const resolved = await resolvePosition(book, position);
  return resolved.kind === "place" ? placeInWords(book, resolved) : null;
}

/** Both in one line: `Chapter: sentence`. */
export function sayInWords({ chapter, sentence }: PlaceInWords): string {
  return [chapter, sentence].filter((part) => part !== null && part !== "").join(": ");
}
