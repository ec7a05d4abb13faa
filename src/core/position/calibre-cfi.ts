import { directTexts } from "./crengine-pointer.ts";
import type { Cfi, CfiStep } from "./cfi.ts";
import type { FoundQuality } from "./place.ts";
import { type ElementNode, type TextNode, type Tree, pathTo } from "./tree.ts";

/** Steps from the document to the body: `html` is its first element, `body` the second in that. */
const TO_BODY: readonly CfiStep[] = [
  { number: 2, id: null },
  { number: 4, id: null },
];

interface Ids {
  readonly first: ReadonlyMap<string, ElementNode>;
  readonly repeated: ReadonlySet<string>;
}

const idsOf = new WeakMap<Tree, Ids>();

function idsIn(tree: Tree): Ids {
  const known = idsOf.get(tree);
  if (known !== undefined) return known;
  const first = new Map<string, ElementNode>();
  const repeated = new Set<string>();
  const stack: ElementNode[] = [tree.root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.id !== null) {
      if (first.has(node.id)) repeated.add(node.id);
      else first.set(node.id, node);
    }
    for (const child of node.children) if (child.kind === "element") stack.push(child);
  }
  const ids = { first, repeated };
  idsOf.set(tree, ids);
  return ids;
}

/** The element that calibre takes for an id: of several with the same one the first. */
export function elementById(tree: Tree, id: string): ElementNode | undefined {
  return idsIn(tree).first.get(id);
}

function elementStep(node: ElementNode, { repeated }: Ids): CfiStep {
  return { number: node.nth * 2, id: node.id === null || repeated.has(node.id) ? null : node.id };
}

/** The CFI of an element, or of a place `units` UTF-16 units into a text node, in the file at `spine`. */
export function cfiTo(tree: Tree, spine: number, node: ElementNode | TextNode, units: number): Cfi {
  const ids = idsIn(tree);
  const parent = node.kind === "text" ? node.parent : node;
  const rootId = tree.root.id;
  const body = { number: 4, id: rootId === null || ids.repeated.has(rootId) ? null : rootId };
  const steps = [TO_BODY[0] ?? body, body, ...pathTo(parent).map((element) => elementStep(element, ids))];
  if (node.kind === "element") return { spine, steps, offset: null };
  // An offset counts from the parent's first child, whatever that is.
  const [first] = parent.children;
  steps.push(first?.kind === "element" ? elementStep(first, ids) : { number: 1, id: null });
  return { spine, steps, offset: node.before + units };
}

/** The node a CFI names, or the last one on the way to it that was found. */
export interface FoundByCfi {
  readonly node: ElementNode | TextNode;
  readonly units: number;
  /** All of the CFI was found. */
  readonly exact: boolean;
  /** `element` also where only the offset lies beyond the text, `fragment` where a step leads nowhere. */
  readonly quality: FoundQuality;
}

const elementsOf = new WeakMap<ElementNode, ElementNode[]>();

/** The element children, kept: a long path asks for the same ones again and again. */
export function elementsIn(parent: ElementNode): readonly ElementNode[] {
  let elements = elementsOf.get(parent);
  if (elements === undefined) {
    elements = parent.children.filter((child) => child.kind === "element");
    elementsOf.set(parent, elements);
  }
  return elements;
}

/** The text node `offset` units behind `from` among the direct texts; at a border the one that begins there. */
function textAtOffset(texts: readonly TextNode[], offset: number): { node: TextNode; units: number } | null {
  let low = 0;
  let high = texts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((texts[middle]?.before ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  const node = texts[low - 1];
  if (node === undefined) return null;
  const units = offset - node.before;
  return units <= node.text.length ? { node, units } : null;
}

/** UTF-16 units in the direct texts before the child that a last step names: odd numbers are texts, even ones elements. */
function unitsBefore(parent: ElementNode, number: number): number {
  if (number <= 2) return 0;
  if (number % 2 === 1) return directTexts(parent)[(number - 1) / 2]?.before ?? 0;
  const element = elementsIn(parent)[number / 2 - 1];
  const at = element === undefined ? -1 : parent.children.indexOf(element);
  const next = at === -1 ? undefined : parent.children.slice(at).find((child) => child.kind === "text");
  return next?.before ?? 0;
}

/** Follows a CFI's steps in calibre's tree as the viewer does; an id that exists wins over the number beside it. */
export function followCfi(tree: Tree, { steps, offset }: Cfi): FoundByCfi {
  const byId = steps.some(({ id }) => id !== null) ? idsIn(tree).first : null;
  let node: ElementNode = tree.root;
  const [, body, ...rest] = steps;
  if (body !== undefined && body.number !== 4 && body.number !== 0)
    return { node, units: 0, exact: false, quality: "fragment" };
  const inner = offset === null ? rest : rest.slice(0, -1);
  for (const { number, id } of inner) {
    const named = id === null ? undefined : byId?.get(id);
    const next = named ?? (number % 2 === 0 ? elementsIn(node)[Math.max(number / 2, 1) - 1] : undefined);
    if (next === undefined)
      return { node, units: 0, exact: number === 0, quality: number === 0 ? "element" : "fragment" };
    node = next;
  }
  const last = rest.at(-1);
  if (offset === null || last === undefined) return { node, units: 0, exact: true, quality: "element" };
  // calibre itself always names the first child; from others the offset counts from the child they name.
  const found = textAtOffset(directTexts(node), unitsBefore(node, last.number) + offset);
  if (found === null) return { node, units: 0, exact: false, quality: "element" };
  return { ...found, exact: true, quality: "text" };
}
