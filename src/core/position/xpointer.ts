/** One step of an XPointer below the document: an element by name, a text node, or a child by its number. */
export type XpointerStep =
  | { readonly kind: "element"; readonly name: string; readonly index: number | null }
  | { readonly kind: "text"; readonly index: number | null }
  | { readonly kind: "child"; readonly index: number };

/** crengine's pointer, taken apart: in which fragment of an EPUB (null in FB2 and HTML), which steps, which point. */
export interface Xpointer {
  /** 1-based number of the spine item, or null where the document has no fragments. */
  readonly fragment: number | null;
  readonly steps: readonly XpointerStep[];
  /** Code points into a text node, or the number of a child; null when the pointer names a node only. */
  readonly point: number | null;
}

/** Boxes that crengine puts between an element and its children; pointers of before 2020 name them. */
const BOXES = new Set(["autoBoxing", "floatBox", "inlineBox", "tabularBox", "rubyBox", "mathBox", "pseudoElem"]);

const STEP = /\/(?:text\(\)(?:\[(\d+)\])?|(\d+)(?=[/.]|$)|([^/[\]().]+)(?:\[(\d+)\])?)/y;
const LONGEST = 65_536;

/** Reads any pointer that a KOReader has ever sent; null for what is none (a page number, a CFI, a broken string). */
export function parseXpointer(text: string): Xpointer | null {
  if (!text.startsWith("/") || text.length > LONGEST) return null;
  const steps: XpointerStep[] = [];
  let at = 0;
  while (at < text.length && text[at] === "/") {
    STEP.lastIndex = at;
    const match = STEP.exec(text);
    if (match === null) return null;
    const [whole, textIndex, child, name, index] = match;
    at += whole.length;
    if (name !== undefined) {
      if (!BOXES.has(name)) steps.push({ kind: "element", name, index: index === undefined ? null : Number(index) });
    } else if (child === undefined) {
      steps.push({ kind: "text", index: textIndex === undefined ? null : Number(textIndex) });
    } else {
      steps.push({ kind: "child", index: Number(child) });
    }
  }
  let point: number | null = null;
  if (at < text.length) {
    const match = /^\.(\d+)$/.exec(text.slice(at));
    if (match === null) return null;
    point = Number(match[1]);
  }
  const [first, second] = steps;
  if (first?.kind === "element" && second?.kind === "element" && second.name === "DocFragment") {
    return { fragment: second.index ?? 1, steps: steps.slice(2), point };
  }
  return { fragment: null, steps, point };
}

function formatStep(step: XpointerStep): string {
  if (step.kind === "child") return `/${step.index}`;
  const name = step.kind === "text" ? "text()" : step.name;
  return step.index === null ? `/${name}` : `/${name}[${step.index}]`;
}

/** Writes a pointer as it stands: steps without an index stay without one. */
export function formatXpointer({ fragment, steps, point }: Xpointer): string {
  const head = fragment === null ? "" : `/body/DocFragment[${fragment}]`;
  return head + steps.map(formatStep).join("") + (point === null ? "" : `.${point}`);
}
