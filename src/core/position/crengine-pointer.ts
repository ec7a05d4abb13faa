import type { ElementNode, TextNode, Tree, TreeNode } from "./tree.ts";
import type { XpointerStep } from "./xpointer.ts";
import { formatXpointer } from "./xpointer.ts";

/** The node a pointer names; `exact` is false when only an ancestor of it was found. */
export interface Found {
  readonly node: ElementNode | TextNode;
  readonly exact: boolean;
}

const byName = new WeakMap<ElementNode, Map<string, ElementNode[]>>();
const MANY = 16;

function nthElement(parent: ElementNode, name: string, index: number): ElementNode | undefined {
  if (parent.children.length <= MANY) {
    return parent.children.find(
      (child): child is ElementNode => child.kind === "element" && child.name === name && child.nth === index,
    );
  }
  let known = byName.get(parent);
  if (known === undefined) {
    known = new Map();
    for (const child of parent.children) {
      if (child.kind !== "element") continue;
      const same = known.get(child.name);
      if (same === undefined) known.set(child.name, [child]);
      else same.push(child);
    }
    byName.set(parent, known);
  }
  return known.get(name)?.[index - 1];
}

const textsOf = new WeakMap<ElementNode, TextNode[]>();

/** The text nodes that stand directly in an element. */
export function directTexts(parent: ElementNode): readonly TextNode[] {
  let texts = textsOf.get(parent);
  if (texts === undefined) {
    texts = parent.children.filter((child) => child.kind === "text");
    textsOf.set(parent, texts);
  }
  return texts;
}

function step(parent: ElementNode, next: XpointerStep): TreeNode | undefined {
  if (next.kind === "text") return directTexts(parent)[(next.index ?? 1) - 1];
  if (next.kind === "child") return parent.children[next.index - 1];
  return nthElement(parent, next.name, next.index ?? 1);
}

/** Walks from the root (a `DocFragment`, or the document) along the steps, a missing index meaning the first match. */
export function followSteps({ root }: Tree, steps: readonly XpointerStep[]): Found {
  let node: ElementNode | TextNode = root;
  for (const next of steps) {
    const found: TreeNode | undefined = node.kind === "element" ? step(node, next) : undefined;
    if (found === undefined || found.kind === "comment") return { node, exact: false };
    node = found;
  }
  return { node, exact: true };
}

/**
 * A pointer to a node with explicit indices, which every version accepts; the outer and inner `body` stay bare.
 * `fragment` is null for documents without fragments.
 */
export function pointerTo(node: ElementNode | TextNode, fragment: number | null, point: number | null): string {
  const steps: XpointerStep[] = [];
  let at: ElementNode | null;
  if (node.kind === "text") {
    steps.push({ kind: "text", index: node.nth });
    at = node.parent;
  } else at = node;
  for (; at !== null && at.parent !== null; at = at.parent) {
    const isBare = at.name === "body" && at.parent.parent === null && at.nth === 1;
    steps.push({ kind: "element", name: at.name, index: isBare ? null : at.nth });
  }
  return formatXpointer({ fragment, steps: steps.reverse(), point });
}
