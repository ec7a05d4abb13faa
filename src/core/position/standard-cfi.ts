import { type FoundByCfi, elementById, elementsIn } from "./calibre-cfi.ts";
import type { CfiStep } from "./cfi.ts";
import type { ElementNode, TextNode, Tree } from "./tree.ts";

/** A CFI as the EPUB standard writes it: a path through the package to a file, and one through that file. */
export interface StandardCfi {
  /** From the package's root: nearly always the spine, and the `itemref` in it. */
  readonly toFile: readonly CfiStep[];
  /** From the file's root element: the first step is the body. Empty for the file itself. */
  readonly steps: readonly CfiStep[];
  /** UTF-16 units into the text between two elements that the last step names; null without one. */
  readonly offset: number | null;
  /** The text that must stand before and behind the place; empty where nothing is said. */
  readonly before: string;
  readonly behind: string;
  /** Goes on into another file (a frame, a picture): here only its beginning can be followed. */
  readonly leavesFile: boolean;
}

const STEP = /\/(\d{1,9})(?:\[((?:[^\]^]|\^[\s\S])*)\])?/y;
const TAIL = /^(?::(\d{1,9}))?(?:~-?[\d.]+)?(?:@-?[\d.]+:-?[\d.]+)?(?:\[((?:[^\]^]|\^[\s\S])*)\])?$/;
const LONGEST = 65_536;

/** Splits at a sign outside of brackets; `^` takes the meaning from what follows it. */
function splitAt(text: string, sign: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let inBrackets = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === "^") at += 1;
    else if (character === "[") inBrackets = true;
    else if (character === "]") inBrackets = false;
    else if (character === sign && !inBrackets) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, text.slice(from)];
}

function unescaped(text: string): string {
  return text.replaceAll(/\^([\s\S])/g, "$1");
}

/** What a bracket asserts: without its parameters (`;s=b`), cut at its commas. */
function assertion(text: string): string[] {
  const [said = ""] = splitAt(text, ";");
  return splitAt(said, ",").map(unescaped);
}

/** Reads steps up to what is none. */
function readSteps(path: string): { steps: CfiStep[]; rest: string } {
  const steps: CfiStep[] = [];
  let at = 0;
  for (;;) {
    STEP.lastIndex = at;
    const match = STEP.exec(path);
    if (match === null) return { steps, rest: path.slice(at) };
    const id = match[2] === undefined ? "" : assertion(match[2])[0];
    steps.push({ number: Number(match[1]), id: id === "" || id === undefined ? null : id });
    at = STEP.lastIndex;
  }
}

/** Whether a path without `!` goes to a file of the spine all the same: calibre's own always goes on with `/2`. */
function namesFile(steps: readonly CfiStep[]): boolean {
  return steps.length === 2 && steps[1]?.number !== 2;
}

/**
 * Reads `epubcfi(/6/14[id]!/4/2/1:3[before,behind])`; of a range its beginning. Null for anything else, calibre's own
 * dialect too, which has no `!`.
 */
export function parseStandardCfi(text: string): StandardCfi | null {
  if (text.length > LONGEST) return null;
  const inner = /^epubcfi\(([\s\S]*)\)$/.exec(text)?.[1] ?? (text.startsWith("/") && text.includes("!") ? text : "");
  const [parent = "", start = ""] = splitAt(inner, ",");
  const [toFile = "", inFile, ...further] = splitAt(parent + start, "!");
  const file = readSteps(toFile);
  if (file.rest !== "" || file.steps.length === 0) return null;
  if (inFile === undefined) {
    if (!namesFile(file.steps)) return null;
    return { toFile: file.steps, steps: [], offset: null, before: "", behind: "", leavesFile: false };
  }
  const { steps, rest } = readSteps(inFile);
  const tail = TAIL.exec(rest);
  if (tail === null) return null;
  const [before = "", behind = ""] = tail[2] === undefined ? [] : assertion(tail[2]);
  const offset = tail[1] === undefined ? null : Number(tail[1]);
  return { toFile: file.steps, steps, offset, before, behind, leavesFile: further.length > 0 };
}

/** The texts between the `nth` element child and the next one, comments left out; `next` is that element. */
function textsBetween(parent: ElementNode, nth: number): { texts: TextNode[]; next: ElementNode | null } {
  const texts: TextNode[] = [];
  let elements = 0;
  for (const child of parent.children) {
    if (child.kind === "element") {
      elements += 1;
      if (elements > nth) return { texts, next: child };
    } else if (child.kind === "text" && elements === nth) texts.push(child);
  }
  return { texts, next: null };
}

function withoutSpaces(text: string): string {
  return text.replaceAll(/[\0- ]+/g, "");
}

/** Whether the asserted text stands around a place, as far as the text reaches there; blanks do not matter. */
function stands(text: string, offset: number, { before, behind }: StandardCfi): boolean {
  const [front, back] = [withoutSpaces(text.slice(0, offset)), withoutSpaces(text.slice(offset))];
  const [wantedFront, wantedBack] = [withoutSpaces(before), withoutSpaces(behind)];
  const isBehind = back.startsWith(wantedBack) || wantedBack.startsWith(back);
  return isBehind && (front.endsWith(wantedFront) || wantedFront.endsWith(front));
}

/** A place in the text that an odd last step names. */
function inText(parent: ElementNode, nth: number, cfi: StandardCfi): FoundByCfi {
  const { texts, next } = textsBetween(parent, nth);
  const text = texts.map((node) => node.text).join("");
  const offset = cfi.offset ?? 0;
  if (!stands(text, offset, cfi)) return { node: parent, units: 0, exact: false, quality: "fragment" };
  if (offset > text.length) return { node: parent, units: 0, exact: false, quality: "element" };
  let left = offset;
  for (const [at, node] of texts.entries()) {
    // At a comment between two texts the one that begins there is meant.
    if (left < node.text.length || at === texts.length - 1) return { node, units: left, exact: true, quality: "text" };
    left -= node.text.length;
  }
  return { node: next ?? parent, units: 0, exact: true, quality: "element" };
}

/** The child that an even step names: the asserted id wins over the number, and one that is nowhere means: not here. */
function inElement(tree: Tree, parent: ElementNode, { number, id }: CfiStep): ElementNode | undefined {
  const child = elementsIn(parent)[number / 2 - 1];
  return id === null || child?.id === id ? child : elementById(tree, id);
}

/** Follows a standard CFI in the tree that a browser builds of its file: calibre's. */
export function followStandardCfi(tree: Tree, cfi: StandardCfi): FoundByCfi {
  const { root } = tree;
  const [body, ...rest] = cfi.steps;
  if (body === undefined)
    return { node: root, units: 0, exact: !cfi.leavesFile, quality: cfi.leavesFile ? "fragment" : "element" };
  const isBody = body.number === root.nth * 2 && (body.id === null || body.id === root.id);
  if (!isBody) return { node: root, units: 0, exact: false, quality: "fragment" };
  let node = root;
  for (const [at, step] of rest.entries()) {
    if (step.number % 2 === 1) {
      const isLast = at === rest.length - 1 && !cfi.leavesFile;
      return isLast ? inText(node, (step.number - 1) / 2, cfi) : { node, units: 0, exact: false, quality: "fragment" };
    }
    const next = inElement(tree, node, step);
    if (next === undefined) return { node, units: 0, exact: false, quality: "fragment" };
    node = next;
  }
  return { node, units: 0, exact: !cfi.leavesFile, quality: cfi.leavesFile ? "fragment" : "element" };
}
