import { isBlank } from "./characters.ts";
import type { ElementStyle } from "./crengine-display.ts";
import type { ElementNode, TreeNode } from "./tree.ts";
import { append } from "../lists.ts";

/** How crengine lays a closed child out, as far as its parent's whitespace depends on it. */
type Rendered = "inline" | "inline-block" | "block" | "floating" | "invisible";

/** An element that has not been closed yet. */
export interface OpenElement {
  readonly node: ElementNode;
  readonly style: ElementStyle;
  readonly attributes: { readonly class?: string; readonly id?: string };
  readonly pre: boolean;
  /** A style that is not understood may keep the white space in it. */
  readonly spaceIsDoubtful: boolean;
  readonly insideSvg: boolean;
  readonly insideMath: boolean;
  readonly keepsText: boolean;
  stripsNewline: boolean;
  /** One entry for each child element, in order. */
  readonly rendered: Rendered[];
}

interface Child {
  readonly node: TreeNode;
  readonly rendered: Rendered | "text" | "blank";
}

function childrenOf({ node, rendered }: OpenElement): Child[] {
  let element = 0;
  return node.children.map((child) => {
    if (child.kind === "text") return { node: child, rendered: isBlank(child.text) ? "blank" : "text" };
    element += 1;
    return { node: child, rendered: rendered[element - 1] ?? "inline" };
  });
}

function isInlineRun({ rendered }: Child): boolean {
  return rendered !== "block" && rendered !== "invisible";
}

/** Whether a child is more than blank text: something to read, or an inline element, whatever is in it. */
function isContent({ rendered }: Child): boolean {
  return rendered === "text" || rendered === "inline" || rendered === "inline-block";
}

/** One run of inline children between blocks: its blank ends go; a run of nothing else goes altogether. */
function trimRun(run: readonly Child[]): readonly Child[] {
  let first = 0;
  while (first < run.length && run[first]?.rendered === "blank") first += 1;
  // crengine looks at one blank node at the end only.
  const last = run.at(-1)?.rendered === "blank" ? run.length - 1 : run.length;
  const inner = run.slice(first, last);
  if (inner.some(isContent)) return inner;
  return run.filter(({ rendered }) => rendered === "floating");
}

function trimMixed(children: readonly Child[]): Child[] {
  const kept: Child[] = [];
  let run: Child[] = [];
  for (const child of children) {
    if (isInlineRun(child)) {
      run.push(child);
      continue;
    }
    append(kept, trimRun(run));
    kept.push(child);
    run = [];
  }
  append(kept, trimRun(run));
  return kept;
}

/** Blocks inside an inline element that has other content too: the blank node on either side of each goes. */
function trimAroundBlocks(children: readonly Child[]): Child[] {
  return children.filter(
    ({ rendered }, at) =>
      rendered !== "blank" || (children[at - 1]?.rendered !== "block" && children[at + 1]?.rendered !== "block"),
  );
}

function renderInline(open: OpenElement): Rendered {
  if (!open.rendered.includes("block")) return "inline";
  const children = childrenOf(open);
  if (!children.some(isContent)) return "block";
  open.node.children = trimAroundBlocks(children).map(({ node }) => node);
  return "inline";
}

function renderBlock(open: OpenElement): Rendered {
  const { rendered, node } = open;
  const hasBlock = rendered.includes("block");
  const hasFloat = rendered.includes("floating");
  // Whatever `white-space` says: blank text between blocks goes from preformatted text too.
  if ((hasBlock || hasFloat) && node.children.length > rendered.length) {
    const children = childrenOf(open);
    if (hasBlock) node.children = trimMixed(children).map(({ node: kept }) => kept);
    else if (children.every(({ rendered: how }) => how === "blank" || how === "floating")) {
      node.children = children.filter(({ rendered: how }) => how !== "blank").map(({ node: kept }) => kept);
    }
  }
  return open.style.display === "inline-block" ? "inline-block" : "block";
}

const counts = new Map<string, number>();

/** Numbers the children: texts among texts, elements among those of their name. */
function number({ children }: ElementNode): void {
  let texts = 0;
  let before = 0;
  counts.clear();
  for (const child of children) {
    if (child.kind === "text") {
      texts += 1;
      child.nth = texts;
      child.before = before;
      before += child.text.length;
    } else if (child.kind === "element" && children.length > 1) {
      const nth = (counts.get(child.name) ?? 0) + 1;
      counts.set(child.name, nth);
      child.nth = nth;
    }
  }
}

/**
 * How many texts of an element come before the first whose number is unsure: blank ones beside anything that is no
 * plain inline are dropped by rules that differ with the styles of what stands around them.
 */
function sureTexts({ node, rendered, style, spaceIsDoubtful }: OpenElement): number {
  // Nor is it sure how long its texts are.
  if (spaceIsDoubtful) return 0;
  if (style.display !== "table" && rendered.every((how) => how === "inline")) return Infinity;
  const texts = node.children.filter((child) => child.kind === "text");
  const blank = texts.findIndex(({ text }) => isBlank(text));
  return blank === -1 ? Infinity : blank;
}

/** Does what crengine does when an element closes: drops blank text where it does not count, and tells the parent. */
export function settle(open: OpenElement, parent: OpenElement | undefined): void {
  const { node, style } = open;
  let rendered: Rendered;
  node.sureTexts = sureTexts(open);
  if (!node.visible && !open.insideSvg) rendered = "invisible";
  else if (open.insideSvg) rendered = "inline";
  else if (style.display === "inline") rendered = renderInline(open);
  else if (style.display === "ruby") rendered = "inline";
  else if (style.display === "table") rendered = "block";
  else rendered = renderBlock(open);
  number(node);
  if (style.doubtful !== undefined && rendered === "inline") rendered = "inline-block";
  if (style.floats && rendered !== "invisible") rendered = "floating";
  parent?.rendered.push(rendered);
}
