import { countCharacters, indexOfCharacter } from "./characters.ts";
import { indexIn } from "./text-index.ts";
import { type ElementNode, type TextNode, type Tree, textFrom } from "./tree.ts";

const SPACES = /[\0- ]+/g;

/**
 * The next `count` non-whitespace characters of a tree from an ordinal on; fewer at the end and where text follows
 * that the tree has dropped.
 */
export function charactersFrom(tree: Tree, ordinal: number, count: number): string {
  let out = "";
  let left = count;
  let next = ordinal;
  for (let at = textFrom(tree, ordinal); at < tree.texts.length && left > 0; at += 1) {
    const node = tree.texts[at];
    if (node === undefined) break;
    if (node.end === node.start) continue;
    if (node.start > next) break;
    next = node.end;
    const from = indexIn(node, Math.max(0, ordinal - node.start));
    const to = indexOfCharacter(node.text, left, from);
    out += node.text.slice(from, to).replaceAll(SPACES, "");
    left -= countCharacters(node.text, from, to);
  }
  return out;
}

const BLOCKS = new Set(
  (
    "p div h1 h2 h3 h4 h5 h6 li ul ol dl dt dd table tr td th blockquote section article aside header footer figure " +
    "figcaption pre body title subtitle v stanza poem epigraph cite hr nav main caption"
  ).split(" "),
);

/** The nearest element around a text that stands on lines of its own. */
export function blockOf(node: TextNode): ElementNode {
  let at = node.parent;
  while (at.parent !== null && !BLOCKS.has(at.name)) at = at.parent;
  return at;
}

/** Runs of whitespace as one space. */
function collapsed(text: string): string {
  return text.replaceAll(SPACES, " ");
}

/**
 * The first characters from `units` UTF-16 units into the `at`-th text on, at most `limit` code points, as they are
 * read: runs of whitespace as one space, one between blocks, invisible text left out.
 */
export function textFollowing(tree: Tree, at: number, units: number, limit: number): string {
  let out = "";
  let block: ElementNode | null = null;
  for (let index = at; index < tree.texts.length && out.length < limit * 2; index += 1) {
    const node = tree.texts[index];
    if (node === undefined) break;
    if (index > at && !node.parent.visible) continue;
    const own = blockOf(node);
    if (block !== null && own !== block) out += " ";
    block = own;
    out += index === at ? node.text.slice(units, units + limit * 8) : node.text.slice(0, limit * 8);
  }
  return Array.from(collapsed(out)).slice(0, limit).join("");
}

/** Before and behind a place, this much of a paragraph is looked at for the borders of its sentence. */
const AROUND = 2000;
const LONGEST_SENTENCE = 240;

/** The sentence around an ordinal, inside its own paragraph; cut at about 240 characters. Empty without text. */
export function sentenceAt(tree: Tree, ordinal: number): string {
  const index = textFrom(tree, ordinal);
  const here = tree.texts[index];
  if (here === undefined) return "";
  const block = blockOf(here);
  const units = indexIn(here, Math.max(0, ordinal - here.start));
  let before = here.text.slice(Math.max(0, units - AROUND), units);
  for (let at = index - 1; at >= 0 && before.length < AROUND; at -= 1) {
    const node = tree.texts[at];
    if (node === undefined || blockOf(node) !== block) break;
    before = node.text.slice(-AROUND) + before;
  }
  let behind = here.text.slice(units, units + AROUND);
  for (let at = index + 1; at < tree.texts.length && behind.length < AROUND; at += 1) {
    const node = tree.texts[at];
    if (node === undefined || blockOf(node) !== block) break;
    behind += node.text.slice(0, AROUND);
  }
  const left = collapsed(before).trimStart();
  const paragraph = left + collapsed(behind);
  const segment = new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(paragraph).containing(left.length);
  const sentence = segment?.segment ?? paragraph;
  // A sentence too long to be told whole is told from the place on.
  const inside = left.length - (segment?.index ?? 0);
  const isTold = sentence.trim().length <= LONGEST_SENTENCE || inside < LONGEST_SENTENCE / 2;
  const told = isTold ? sentence.trim() : `…${sentence.slice(inside).trim()}`;
  const characters = Array.from(told);
  return characters.length <= LONGEST_SENTENCE ? told : `${characters.slice(0, LONGEST_SENTENCE - 1).join("")}…`;
}
