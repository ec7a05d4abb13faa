import { namedEntity, numericEntity } from "./entities.ts";
import { TreeRefused } from "./tree.ts";

const NAME = /[\p{L}_][\p{L}\p{N}\p{M}_.·-]*(?::[\p{L}_][\p{L}\p{N}\p{M}_.·-]*)?/uy;
const ASCII_NAME = /[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?(?=[\s=/>])/y;
const ATTRIBUTE = /\s+([^\s=/>"'<]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const REFERENCE = /&(?:#x([0-9a-fA-F]+)|#(\d+)|([A-Za-z_][\w.-]*));/g;

/** The document is not the well-formed XHTML that calibre reads as XML; it will be read as HTML instead. */
export class NotWellFormed extends Error {}

/** Text with its references decoded; an unknown one, or a bare ampersand, is not well-formed. */
export function decode(text: string): string {
  if (!text.includes("&")) return text;
  let expected = 0;
  for (let at = text.indexOf("&"); at !== -1; at = text.indexOf("&", at + 1)) expected += 1;
  let seen = 0;
  const decoded = text.replaceAll(REFERENCE, (_, hex?: string, digits?: string, name?: string) => {
    seen += 1;
    if (name === "apos") return "'";
    const value =
      name === undefined
        ? numericEntity(hex === undefined ? Number(digits) : Number.parseInt(hex, 16))
        : namedEntity(name);
    if (value === null) throw new NotWellFormed(`unknown entity ${name ?? ""}`);
    return value;
  });
  if (seen !== expected) throw new NotWellFormed("bare ampersand");
  return decoded;
}

/** The name that begins at `at`. */
export function readName(source: string, at: number): string {
  ASCII_NAME.lastIndex = at;
  const plain = ASCII_NAME.exec(source);
  if (plain !== null) return plain[0];
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
      const rest = /\s+(\/?>)/y;
      rest.lastIndex = at;
      const end = rest.exec(source);
      if (end === null) throw new NotWellFormed("bad attribute");
      return { attributes, next: rest.lastIndex, empty: end[1] === "/>" };
    }
    at = ATTRIBUTE.lastIndex;
    const name = match[1] ?? "";
    if (attributes.some(([known]) => known === name)) throw new NotWellFormed("repeated attribute");
    attributes.push([name, match[2] ?? match[3] ?? ""]);
    if (attributes.length > 256) throw new TreeRefused("too_large");
  }
}
