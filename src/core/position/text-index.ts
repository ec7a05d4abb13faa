import { countCharacters, indexOfCharacter } from "./characters.ts";
import type { TextNode } from "./tree.ts";

const ALONG = 1024;
const milestones = new WeakMap<TextNode, number[]>();

/** Where every 1,024th character of a long text stands: made once, so that a thousand places in it stay cheap. */
function milestonesOf(node: TextNode): readonly number[] {
  let known = milestones.get(node);
  if (known === undefined) {
    known = [];
    let at = 0;
    for (let count = 0; count < node.end - node.start; count += ALONG) {
      at = indexOfCharacter(node.text, count === 0 ? 0 : ALONG, at);
      known.push(at);
    }
    milestones.set(node, known);
  }
  return known;
}

/** The UTF-16 index of the `n`-th non-whitespace character of a text node, from 0. */
export function indexIn(node: TextNode, n: number): number {
  if (node.text.length <= 4 * ALONG) return indexOfCharacter(node.text, n);
  const known = milestonesOf(node);
  const block = Math.min(Math.floor(n / ALONG), known.length - 1);
  return indexOfCharacter(node.text, n - block * ALONG, known[block]);
}

/** How many non-whitespace characters of a text node stand before a UTF-16 index. */
export function countIn(node: TextNode, units: number): number {
  if (node.text.length <= 4 * ALONG) return countCharacters(node.text, 0, units);
  const known = milestonesOf(node);
  let low = 0;
  let high = known.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((known[middle] ?? 0) <= units) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return 0;
  return (low - 1) * ALONG + countCharacters(node.text, known[low - 1], units);
}
