/** A text node of either tree. Ordinals count non-whitespace code points from the start of the body. */
export interface TextNode {
  readonly kind: "text";
  readonly parent: ElementNode;
  readonly text: string;
  /** 1-based number among the text nodes of its parent. */
  nth: number;
  /** Ordinal of the first character in it, and of the first one behind it. */
  readonly start: number;
  readonly end: number;
  /** UTF-16 units in the text nodes before it under the same parent. */
  before: number;
}

export interface ElementNode {
  readonly kind: "element";
  readonly name: string;
  readonly parent: ElementNode | null;
  children: TreeNode[];
  /** 1-based: in crengine's tree among siblings of the same name, in calibre's among all sibling elements, the body's too. */
  nth: number;
  readonly id: string | null;
  /** Ordinal of the first character at or behind its start, and of the first one behind its end. */
  readonly start: number;
  end: number;
  readonly visible: boolean;
  /**
   * The texts directly in it have surely crengine's numbers up to this one; behind it a blank one among blocks may
   * count or not. Infinity nearly everywhere, and in calibre's tree.
   */
  sureTexts: number;
}

/** Only calibre's tree keeps comments: a comment that comes first decides how a CFI counts. */
export interface CommentNode {
  readonly kind: "comment";
}

export type TreeNode = TextNode | ElementNode | CommentNode;

/** One spine file as one of the two readers sees it. */
export interface Tree {
  readonly root: ElementNode;
  /** All text that was read, in document order: sorted by `start`; blank nodes too, also those a tree has dropped. */
  readonly texts: readonly TextNode[];
  /** Non-whitespace code points in the body. */
  readonly characters: number;
  /** The file is ill-formed, and a parser other than the reader's own has repaired it: theirs may differ. */
  readonly repaired: boolean;
}

/** Nesting beyond this is refused: no book needs it, and paths through it would be longer than the text. */
export const DEEPEST = 2000;

/** A file that no tree is built of, with the reason in one word. */
export class TreeRefused extends Error {
  readonly reason: "too_deep" | "too_large" | "no_body";

  constructor(reason: "too_deep" | "too_large" | "no_body") {
    super(reason);
    this.name = "TreeRefused";
    this.reason = reason;
  }
}

/** Where in `texts` the text node stands that holds the character of this ordinal, or the first one behind it. */
export function textFrom({ texts }: Tree, ordinal: number): number {
  let low = 0;
  let high = texts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((texts[middle]?.end ?? 0) <= ordinal) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The text node that holds the character of this ordinal, or null behind the last one and where text was dropped. */
export function textAt(tree: Tree, ordinal: number): TextNode | null {
  const found = tree.texts[textFrom(tree, ordinal)];
  return found !== undefined && found.start <= ordinal ? found : null;
}

/** Adds a child. The first one comes in an array of its own size: growing an empty one would reserve room for 17. */
export function addChild(parent: ElementNode, child: TreeNode): void {
  if (parent.children.length === 0) parent.children = [child];
  else parent.children.push(child);
}

/** Elements from the root down to this one, the root not included. */
export function pathTo(element: ElementNode): ElementNode[] {
  const path: ElementNode[] = [];
  for (let at: ElementNode = element; at.parent !== null; at = at.parent) path.push(at);
  return path.reverse();
}
