import { parseFragment } from "parse5";

const known = new Map<string, string | null>([
  ["nbsp", "\u00A0"],
  ["shy", "\u00AD"],
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
]);
const MOST_KNOWN = 4096;

/** The text of a named HTML entity (without `&` and `;`), or null for a name that HTML does not know. */
export function namedEntity(name: string): string | null {
  const found = known.get(name);
  if (found !== undefined) return found;
  let text: string | null = null;
  if (/^[A-Za-z][A-Za-z0-9]{0,40}$/.test(name)) {
    const [node] = parseFragment(`&${name};`).childNodes;
    // A prefix may be an entity of old (`&notit;` is `¬it;`): only a whole match counts.
    if (node !== undefined && "value" in node && !node.value.endsWith(";")) text = node.value;
  }
  if (known.size < MOST_KNOWN) known.set(name, text);
  return text;
}

/** What Windows-1252 has at 128 to 159: both readers take numeric references of that range for it. */
const WINDOWS_1252 =
  "\u20AC\u0081\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\u008D\u017D\u008F" +
  "\u0090\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\u009D\u017E\u0178";

/** The text of a numeric reference; empty for 0 and for what is no code point. */
export function numericEntity(code: number): string {
  if (code >= 128 && code <= 159) return WINDOWS_1252.charAt(code - 128);
  return code > 0 && code <= 0x10_ff_ff ? String.fromCodePoint(code) : "";
}
