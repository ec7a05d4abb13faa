import { indexIn } from "./text-index.ts";
import { type TextNode, type Tree, textFrom } from "./tree.ts";

/** Characters one after the other, each UTF-16 unit with the ordinal of its character. */
export interface Characters {
  readonly text: string;
  readonly ordinals: readonly number[];
}

/** The non-whitespace characters between two ordinals, of those texts that `isMeant`. */
export function charactersBetween(
  tree: Tree,
  first: number,
  end: number,
  isMeant: (node: TextNode) => boolean = () => true,
): Characters {
  const ordinals: number[] = [];
  const characters: string[] = [];
  for (let at = textFrom(tree, first); at < tree.texts.length; at += 1) {
    const node = tree.texts[at];
    if (node === undefined || node.start >= end) break;
    if (!isMeant(node)) continue;
    let ordinal = Math.max(node.start, first);
    const from = indexIn(node, ordinal - node.start);
    const to = end >= node.end ? node.text.length : indexIn(node, end - node.start);
    for (const character of node.text.slice(from, to)) {
      if (character <= " ") continue;
      characters.push(character);
      for (let unit = 0; unit < character.length; unit += 1) ordinals.push(ordinal);
      ordinal += 1;
    }
  }
  return { text: characters.join(""), ordinals };
}
