import { namedEntity, numericEntity } from "./entities.ts";
import { TreeRefused } from "./tree.ts";

const NAME = /[\p{L}_][\p{L}\p{N}\p{M}_.·-]*(?::[\p{L}_][\p{L}\p{N}\p{M}_.·-]*)?/uy;
const ATTRIBUTE = /\s+([^\s=/>"'<]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const TAG_END = /\s+(\/?>)/y;
const REFERENCE = /&(?:#x([0-9a-fA-F]+)|#(\d+)|([A-Za-z_][\w.-]*));/y;

/** The document is not the well-formed XHTML that calibre reads as XML; it will be read as HTML instead. */
export class NotWellFormed extends Error {}

/** Text with its references decoded; an unknown one, or a bare ampersand, is not well-formed. */
export function decode(text: string): string {
  let at = text.indexOf("&");
  if (at === -1) return text;
  let out = "";
  let from = 0;
  for (; at !== -1; at = text.indexOf("&", from)) {
    REFERENCE.lastIndex = at;
    const match = REFERENCE.exec(text);
    if (match === null) throw new NotWellFormed("bare ampersand");
    const [, hex, digits, name] = match;
    const code = hex === undefined ? Number(digits) : Number.parseInt(hex, 16);
    const value = name === undefined ? numericEntity(code) : name === "apos" ? "'" : namedEntity(name);
    if (value === null) throw new NotWellFormed(`unknown entity ${name ?? ""}`);
    out += text.slice(from, at) + value;
    from = REFERENCE.lastIndex;
  }
  return out + text.slice(from);
}

/** The name that begins at `at`. Nearly all are plain ASCII: those are read without a regular expression. */
export function readName(source: string, at: number): string {
  let end = at;
  for (;;) {
    const unit = source.charCodeAt(end);
    const isLetter = ((unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x7a) || unit === 0x5f;
    const isLater = (unit >= 0x30 && unit <= 0x39) || unit === 0x2d;
    if (!isLetter && !(isLater && end > at)) break;
    end += 1;
  }
  const behind = source.charCodeAt(end);
  if (end > at && (behind === 0x3e || behind === 0x20 || behind === 0x2f || behind === 0x0a))
    return source.slice(at, end);
  NAME.lastIndex = at;
  const name = NAME.exec(source)?.[0];
  if (name === undefined) throw new NotWellFormed("bad name");
  return name;
}

/** A start tag's attributes, where reading goes on behind it, and whether it closed itself. */
export interface StartTag {
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly next: number;
  readonly empty: boolean;
}

/** Attributes from behind a tag's name to behind its `>`; values as written. */
export function readAttributes(source: string, from: number): StartTag {
  let at = from;
  const attributes: Array<readonly [string, string]> = [];
  // Nearly every tag has none, or a few: a repeated name is looked for only then.
  for (;;) {
    const unit = source.charCodeAt(at);
    if (unit === 0x3e) return { attributes, next: at + 1, empty: false };
    if (unit === 0x2f && source.charCodeAt(at + 1) === 0x3e) return { attributes, next: at + 2, empty: true };
    ATTRIBUTE.lastIndex = at;
    const match = ATTRIBUTE.exec(source);
    if (match === null) {
      TAG_END.lastIndex = at;
      const end = TAG_END.exec(source);
      if (end === null) throw new NotWellFormed("bad attribute");
      return { attributes, next: TAG_END.lastIndex, empty: end[1] === "/>" };
    }
    at = ATTRIBUTE.lastIndex;
    const name = match[1] ?? "";
    if (attributes.some(([known]) => known === name)) throw new NotWellFormed("repeated attribute");
    attributes.push([name, match[2] ?? match[3] ?? ""]);
    if (attributes.length > 256) throw new TreeRefused("too_large");
  }
}
