/** What the reader tells while it walks through a file; names are as crengine keeps them, namespaces dropped. */
export interface TokenHandler {
  open(name: string): void;
  /** The value as written, trimmed, references not decoded. */
  attribute(name: string, value: string): void;
  /** The tag that was opened last is complete; `empty` when it closed itself. */
  body(name: string, empty: boolean): void;
  close(name: string): void;
  text(raw: string, isCdata: boolean): void;
  /** Inside SVG, names keep their case. */
  keepsCase(): boolean;
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x09 || unit === 0x0a || unit === 0x0d;
}

function skipSpaces(source: string, from: number): number {
  let at = from;
  while (at < source.length && isSpace(source.charCodeAt(at))) at += 1;
  return at;
}

const NAME = /(?:([a-zA-Z][a-zA-Z0-9\-_.]*):)?([a-zA-Z0-9\-_.]*)/y;

/**
 * Reads a name at `at`: letters, digits, `-`, `_`, `.` and one colon, and behind it one of the characters that
 * crengine accepts there, a tab not among them. `next` is where reading stopped, `name` null when that was an error.
 */
function readName(source: string, at: number): { name: string | null; next: number } {
  const first = source.charCodeAt(at) | 0x20;
  if (!(first >= 0x61 && first <= 0x7a)) return { name: null, next: at };
  NAME.lastIndex = at;
  const match = NAME.exec(source);
  if (match === null) return { name: null, next: at };
  const next = NAME.lastIndex;
  const end = source.charCodeAt(next);
  const isEnd =
    next >= source.length ||
    end === 0x3e ||
    end === 0x20 ||
    end === 0x3d ||
    end === 0x2f ||
    end === 0x3f ||
    end === 0x0d ||
    end === 0x0a;
  const name = match[2] ?? "";
  return { name: isEnd && name !== "" ? name : null, next };
}

/** Where reading goes on behind the next `>`, or the end of the file. */
function afterGreater(source: string, from: number): number {
  const at = source.indexOf(">", from);
  return at === -1 ? source.length : at + 1;
}

/** Reads the value behind `=`: quoted or not, it ends at a `>` at the latest. */
function readValue(source: string, from: number): { value: string; next: number } {
  let at = skipSpaces(source, from);
  const quote = source.charCodeAt(at);
  const isQuoted = quote === 0x22 || quote === 0x27;
  if (isQuoted) at += 1;
  const start = at;
  while (at < source.length) {
    const unit = source.charCodeAt(at);
    if (unit === 0x3e || (isQuoted ? unit === quote : isSpace(unit))) break;
    at += 1;
  }
  const closes = isQuoted && source.charCodeAt(at) === quote;
  return { value: source.slice(start, at).trim(), next: closes ? at + 1 : at };
}

/** Reads attributes from behind a tag's name to behind its `>`; returns where text begins, or a further `<` was met. */
function readAttributes(
  source: string,
  from: number,
  name: string,
  handler: TokenHandler,
): { next: number; inTag: boolean; empty: boolean } {
  let at = from;
  for (;;) {
    at = skipSpaces(source, at);
    if (at >= source.length) return { next: at, inTag: false, empty: false };
    const unit = source.charCodeAt(at);
    if (unit === 0x3e) {
      handler.body(name, false);
      return { next: at + 1, inTag: false, empty: false };
    }
    if ((unit === 0x2f || unit === 0x3f) && source.charCodeAt(at + 1) === 0x3e) {
      handler.body(name, true);
      return { next: at + 2, inTag: false, empty: true };
    }
    const attribute = readName(source, at);
    if (attribute.name === null) {
      // crengine gives the rest of the tag up, with all text to the next tag and that tag's first character.
      const next = source.indexOf("<", attribute.next);
      handler.body(name, false);
      return next === -1
        ? { next: source.length, inTag: false, empty: false }
        : { next: next + 2, inTag: true, empty: false };
    }
    at = skipSpaces(source, attribute.next);
    let value = "";
    if (source.charCodeAt(at) === 0x3d) ({ value, next: at } = readValue(source, at + 1));
    handler.attribute(handler.keepsCase() ? attribute.name : attribute.name.toLowerCase(), value);
  }
}

const SCRIPT_END = /<\/script/gi;

/** The end of the text that begins at `from`: the next `<`, or `</script` inside a script. */
function endOfText(source: string, from: number, inScript: boolean): number {
  if (inScript) {
    SCRIPT_END.lastIndex = from;
    return SCRIPT_END.exec(source)?.index ?? source.length;
  }
  const at = source.indexOf("<", from);
  return at === -1 ? source.length : at;
}

/**
 * Reads a file as crengine's own reader does: XML-like and lenient, no HTML repair. Linear, never throws.
 */
export function readTokens(source: string, handler: TokenHandler): void {
  let at = source.indexOf("<");
  let inTag = at !== -1;
  let inScript = false;
  if (!inTag) return;
  at += 1;
  while (at < source.length) {
    if (!inTag) {
      const end = endOfText(source, at, inScript);
      inScript = false;
      if (end > at) {
        const raw = source.slice(at, end);
        if (end < source.length || /[^ \t\r\n]/.test(raw)) handler.text(raw, false);
      }
      at = end + 1;
      inTag = true;
      continue;
    }
    const begin = at;
    at = skipSpaces(source, at);
    inTag = false;
    const unit = at === begin ? source.charCodeAt(at) : 0;
    if (unit === 0x21) {
      if (source.startsWith("!--", at)) {
        const end = source.indexOf("-->", at + 3);
        at = end === -1 ? source.length : end + 3;
        continue;
      }
      if (source.startsWith("![CDATA[", at)) {
        const end = source.indexOf("]]>", at + 8);
        const raw = source.slice(at + 8, end === -1 ? source.length : end);
        if (raw !== "") handler.text(raw, true);
        at = end === -1 ? source.length : end + 3;
        continue;
      }
    }
    const closes = unit === 0x2f;
    const isInstruction = unit === 0x3f;
    if (closes || isInstruction) at += 1;
    const read = readName(source, at);
    at = read.next;
    if (read.name === null || source.charCodeAt(at) === 0x3d) {
      at = afterGreater(source, at);
      continue;
    }
    const cased = handler.keepsCase() ? read.name : read.name.toLowerCase();
    if (closes) {
      handler.close(cased);
      at = afterGreater(source, at);
      continue;
    }
    const name = isInstruction ? `?${cased}` : cased;
    handler.open(name);
    const tag = readAttributes(source, at, name, handler);
    at = tag.next;
    inTag = tag.inTag;
    inScript = !tag.empty && name.toLowerCase() === "script";
  }
}
