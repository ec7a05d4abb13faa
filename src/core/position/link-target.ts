import type { ElementNode, Tree } from "./tree.ts";

/** Where a followed link led to, as KOReader says it until the page is turned. */
export interface LinkTarget {
  /** Index in the spine, from 0. */
  readonly index: number;
  /** The id in that file; null for the file itself. */
  readonly id: string | null;
}

const LINK = /^#_doc_fragment_(\d{1,9})(?:_(?:(?: |%20)+([\s\S]*))?)?$/;
const LONGEST = 65_536;

/** Reads `#_doc_fragment_4_ id` and `#_doc_fragment_4`, which crengine makes of a book's links; null for anything else. */
export function parseLinkTarget(text: string): LinkTarget | null {
  const match = text.length > LONGEST ? null : LINK.exec(text);
  if (match === null) return null;
  const id = match[2] ?? "";
  return { index: Number(match[1]), id: id === "" ? null : id };
}

/** The element that crengine takes for an id: of several with the same one the last. Null where there is none. */
export function elementOfId({ root }: Tree, id: string): ElementNode | null {
  const stack: ElementNode[] = [root];
  let found: ElementNode | null = null;
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.id === id) found = node;
    for (const child of node.children.toReversed()) if (child.kind === "element") stack.push(child);
  }
  return found;
}
