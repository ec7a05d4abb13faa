import { widthAt } from "./characters.ts";
import { namedEntity, numericEntity } from "./entities.ts";

/** crengine cuts a text node at this many raw code points, at the last space before it. */
const SPLIT = 8192;

/** How crengine reads the characters of a text node: as prose, as preformatted text, or as CDATA. */
export interface TextMode {
  readonly pre: boolean;
  readonly cdata: boolean;
}

/** Cuts the raw text between two tags as crengine's reader does; nearly always there is one piece. */
export function splitText(raw: string): string[] {
  if (raw.length <= SPLIT) return [raw];
  const pieces: string[] = [];
  let start = 0;
  let count = 0;
  let lastSplit = 0;
  let countAtSplit = 0;
  for (let at = 0; at < raw.length; at += 1) {
    const unit = raw.charCodeAt(at);
    if ((unit & 0xfc00) === 0xdc00 && at > 0 && (raw.charCodeAt(at - 1) & 0xfc00) === 0xd800) continue;
    count += 1;
    if (count > SPLIT) {
      if (lastSplit === 0) {
        lastSplit = at;
        countAtSplit = SPLIT;
      }
      pieces.push(raw.slice(start, lastSplit));
      start = lastSplit;
      // This character has not been taken yet: it is counted again below.
      count = SPLIT - countAtSplit + 1;
      lastSplit = 0;
      countAtSplit = 0;
    }
    const next = raw.charCodeAt(at + 1);
    if (unit === 0x20 || (unit === 0x0d && next !== 0x0a) || (unit === 0x0a && next !== 0x0d)) {
      lastSplit = at + 1;
      countAtSplit = count;
    }
  }
  if (start < raw.length) pieces.push(raw.slice(start));
  return pieces;
}

/** Sets every tab to the next eighth column; after a line break the count starts at 1, as in crengine. */
function expandTabs(text: string): string {
  if (!text.includes("\t")) return text;
  let column = 0;
  let out = "";
  for (const character of text) {
    if (character === "\r" || character === "\n") column = 0;
    if (character === "\t") {
      const width = 8 - (column & 7);
      column += width;
      out += " ".repeat(width);
    } else {
      out += character;
      column += 1;
    }
  }
  return out;
}

/** Reads one reference at `at` (where the `&` stands); crengine swallows what it cannot read. */
function readReference(raw: string, at: number): { text: string; next: number; endsSpaces: boolean } {
  const first = raw.charCodeAt(at + 1);
  if (first === 0x23) {
    const match = /^(?:x([0-9a-fA-F]*)|(\d*))/.exec(raw.slice(at + 2, at + 42));
    const digits = match?.[0] ?? "";
    const code = match?.[1] === undefined ? Number(match?.[2] ?? 0) : Number.parseInt(match[1] || "0", 16);
    const next = at + 2 + digits.length;
    if (raw[next] === ";") return { text: numericEntity(code), next: next + 1, endsSpaces: true };
    return { text: "", next: raw[next] === "&" ? next : next + widthAt(raw, next), endsSpaces: false };
  }
  const isLetter = (first >= 0x61 && first <= 0x7a) || (first >= 0x41 && first <= 0x5a);
  if (!isLetter) {
    if (raw[at + 1] === "&") return { text: "", next: at + 1, endsSpaces: false };
    return { text: "", next: at + 1 + widthAt(raw, at + 1), endsSpaces: raw[at + 1] === ";" };
  }
  let end = at + 1;
  while (end < raw.length && end - at <= 32 && raw[end] !== ";" && raw[end] !== " ") end += 1;
  const text = end < raw.length && (raw[end] === ";" || raw[end] === " ") ? namedEntity(raw.slice(at + 1, end)) : null;
  // A known name may also end with a space, which is swallowed; an unknown one stays as it is written.
  if (text !== null) return { text, next: end + 1, endsSpaces: true };
  return { text: raw.slice(at, at + 2), next: at + 2, endsSpaces: false };
}

const NEEDS_WORK = /[\t\r\n&]| {2}/;

/**
 * What crengine stores of a piece of raw text: references decoded, runs of space, tab, CR and LF collapsed (each
 * node for itself), or, preformatted, line ends unified and tabs expanded. A space from a reference stays.
 */
export function storedText(raw: string, { pre, cdata }: TextMode): string {
  if (!NEEDS_WORK.test(raw)) return raw;
  const source = pre ? raw.replaceAll(/\r\n?|\n\r/g, "\n") : raw;
  let out = "";
  let plainFrom = 0;
  let spaces = 0;
  let at = 0;
  while (at < source.length) {
    const unit = source.charCodeAt(at);
    if (unit === 0x26 && !cdata) {
      const { text, next, endsSpaces } = readReference(source, at);
      out += source.slice(plainFrom, at) + text;
      if (endsSpaces) spaces = 0;
      at = next;
      plainFrom = next;
    } else if (!pre && (unit === 0x20 || unit === 0x09 || unit === 0x0a || unit === 0x0d)) {
      if (spaces > 0 || unit !== 0x20) {
        out += source.slice(plainFrom, at) + (spaces > 0 ? "" : " ");
        plainFrom = at + 1;
      }
      spaces += 1;
      at += 1;
    } else {
      spaces = 0;
      at += 1;
    }
  }
  out += source.slice(plainFrom);
  return pre ? expandTabs(out) : out;
}
