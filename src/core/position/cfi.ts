/** One step of calibre's CFI: even numbers are elements, odd ones the text between them. */
export interface CfiStep {
  readonly number: number;
  readonly id: string | null;
}

/** calibre's own dialect: a spine step, a path from the document, and perhaps a text offset. */
export interface Cfi {
  /** Index in the viewer's spine, from 0. */
  readonly spine: number;
  readonly steps: readonly CfiStep[];
  /** UTF-16 units over all direct text children from the last step on; null for an element. */
  readonly offset: number | null;
}

const STEP = /\/(\d+)(?:\[((?:[^\]^]|\^.)*)\])?/y;
const LONGEST = 65_536;

/**
 * Reads `epubcfi(/6/2/4/2[id]/1:17)`, also with a range, a time or a point at its end; null for what is no CFI of
 * calibre's: with a `!` it is one of the standard's, and its numbers mean other files.
 */
export function parseCfi(text: string): Cfi | null {
  if (text.length > LONGEST) return null;
  const inner = /^epubcfi\(([\s\S]*)\)$/.exec(text.trim())?.[1] ?? (text.startsWith("/") ? text : null);
  if (inner === null || inner === undefined) return null;
  const steps: CfiStep[] = [];
  let at = 0;
  while (inner[at] === "/") {
    STEP.lastIndex = at;
    const match = STEP.exec(inner);
    if (match === null) return null;
    steps.push({ number: Number(match[1]), id: match[2] === undefined ? null : match[2].replaceAll(/\^(.)/gu, "$1") });
    at += match[0].length;
  }
  const tail = /^(?::(\d+))?(?:~-?[\d.]+)?(?:@-?[\d.]+:-?[\d.]+)?(?:\[[\s\S]*\])?(?:,[\s\S]*)?$/.exec(inner.slice(at));
  const [first, ...rest] = steps;
  if (tail === null || first === undefined || first.number < 2 || first.number % 2 !== 0) return null;
  return { spine: first.number / 2 - 1, steps: rest, offset: tail[1] === undefined ? null : Number(tail[1]) };
}

function escapeId(id: string): string {
  return id.replaceAll(/[[\]^,();~@!]/g, "^$&");
}

/** The path inside its file alone, as calibre keeps the ends of a highlight. */
export function formatCfiPath({ steps, offset }: Pick<Cfi, "steps" | "offset">): string {
  const path = steps.map(({ number, id }) => `/${number}${id === null ? "" : `[${escapeId(id)}]`}`).join("");
  return `${path}${offset === null ? "" : `:${offset}`}`;
}

/** Writes a CFI as calibre's viewer does. */
export function formatCfi(cfi: Cfi): string {
  return `epubcfi(/${2 * (cfi.spine + 1)}${formatCfiPath(cfi)})`;
}
