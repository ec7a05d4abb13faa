/**
 * How much a page has to read, told without building its tree: the same count as `visible_text.py` makes, guarded by
 * the vectors in `test/fixtures/content-key-vectors.json`.
 */

/** What is inside of these is not shown. */
const HIDDEN = /^(?:head|script|style|title)$/;
/** A reference that shows nothing. */
const BLANK_REFERENCE = /&(?:nbsp|ensp|emsp|thinsp|shy|zwnj|zwj|#0*(?:9|10|13|32|160)|#x0*(?:9|a|d|20|a0));/gi;
const REFERENCE = /&#?[0-9a-z]{1,32};/gi;
const NAME = /[a-z][a-z0-9]*/iy;
/** Everything that is not blank, in code points. */
const SHOWN = /[^\0-\u0020\u007f-\u00a0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff]/gu;

/** The visible characters of an XHTML source, counted until they are `enough`. Linear, never throws. */
export function visibleCharacters(source: string, enough: number): number {
  let count = 0;
  let at = 0;
  while (at < source.length && count < enough) {
    const tag = source.indexOf("<", at);
    count += shown(source.slice(at, tag === -1 ? source.length : tag));
    if (tag === -1) break;
    at = afterTag(source, tag);
  }
  return Math.min(count, enough);
}

function shown(text: string): number {
  return text.replaceAll(BLANK_REFERENCE, "").replaceAll(REFERENCE, "x").match(SHOWN)?.length ?? 0;
}

/** Where text begins again behind the `<` at `tag`. */
function afterTag(source: string, tag: number): number {
  if (source.startsWith("<!--", tag)) return after(source, "-->", tag + 4);
  NAME.lastIndex = tag + 1;
  const name = NAME.exec(source)?.[0].toLowerCase() ?? "";
  const end = after(source, ">", tag);
  if (!HIDDEN.test(name) || source[end - 2] === "/") return end;
  const closing = new RegExp(`</${name}`, "gi");
  closing.lastIndex = end;
  const close = closing.exec(source);
  return close === null ? source.length : after(source, ">", close.index);
}

function after(source: string, what: string, from: number): number {
  const at = source.indexOf(what, from);
  return at === -1 ? source.length : at + what.length;
}
