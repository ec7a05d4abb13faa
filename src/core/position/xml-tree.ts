import { countCharacters } from "./characters.ts";
import { DEEPEST, type ElementNode, type TextNode, type Tree, TreeRefused, addChild } from "./tree.ts";
import { NotWellFormed, type StartTag, decode, readAttributes, readName } from "./xml-tokens.ts";

const XHTML = "http://www.w3.org/1999/xhtml";
interface Scope {
  readonly node: ElementNode | null;
  readonly qualified: string;
  readonly prefixes: ReadonlySet<string>;
  elements: number;
  texts: number;
  before: number;
  /** Text since the last tag or comment; CDATA joins it. */
  pending: string;
  textStart: number;
}

class XmlBuilder {
  readonly #stack: Scope[] = [];
  readonly #texts: TextNode[] = [];
  #ordinal = 0;
  body: ElementNode | null = null;
  #isInBody = false;
  #bodies = 0;
  #rootSeen = false;

  get #top(): Scope | undefined {
    return this.#stack.at(-1);
  }

  get isDone(): boolean {
    return this.#rootSeen && this.#stack.length === 0;
  }

  text(text: string): void {
    const top = this.#top;
    if (top === undefined) {
      if (/[^ \t\r\n]/.test(text)) throw new NotWellFormed("text outside the root");
      return;
    }
    if (top.node === null || text === "") return;
    if (top.pending === "") top.textStart = this.#ordinal;
    top.pending += text;
    this.#ordinal += countCharacters(text);
  }

  #flush(top: Scope): void {
    if (top.pending === "" || top.node === null) return;
    const text = top.pending;
    top.pending = "";
    top.texts += 1;
    const node: TextNode = {
      kind: "text",
      parent: top.node,
      text,
      nth: top.texts,
      start: top.textStart,
      end: this.#ordinal,
      before: top.before,
    };
    top.before += text.length;
    addChild(top.node, node);
    this.#texts.push(node);
  }

  comment(): void {
    const top = this.#top;
    if (top === undefined || top.node === null) return;
    this.#flush(top);
    addChild(top.node, { kind: "comment" });
  }

  open(qualified: string, { attributes, empty }: StartTag): void {
    const parent = this.#top;
    if (this.#stack.length > DEEPEST) throw new TreeRefused("too_deep");
    let prefixes = parent?.prefixes ?? new Set(["xml"]);
    let namespace: string | null = null;
    const declared: string[] = [];
    for (const [name, value] of attributes) {
      if (name === "xmlns") namespace = value;
      else if (name.startsWith("xmlns:")) declared.push(name.slice(6));
    }
    if (declared.some((prefix) => !prefixes.has(prefix))) prefixes = new Set([...prefixes, ...declared]);
    for (const [name] of attributes) if (name.includes(":")) this.#checkPrefix(name, prefixes);
    this.#checkPrefix(qualified, prefixes);
    if (parent === undefined) {
      if (this.#rootSeen) throw new NotWellFormed("two roots");
      if (qualified !== "html" || namespace !== XHTML) throw new NotWellFormed("not an XHTML root");
      this.#rootSeen = true;
    }
    const local = qualified.slice(qualified.indexOf(":") + 1);
    let node: ElementNode | null = null;
    if (this.#stack.length === 1 && local === "body") {
      this.#bodies += 1;
      // calibre would make one body of several; as HTML the same happens, so that reader gets such a file.
      if (this.#bodies > 1) throw new NotWellFormed("two bodies");
      this.#isInBody = true;
    }
    if (parent !== undefined) parent.elements += 1;
    if (this.#isInBody) {
      const parentNode = parent?.node ?? null;
      if (parent !== undefined) this.#flush(parent);
      const id = attributes.find(([name]) => name === "id")?.[1];
      node = {
        kind: "element",
        name: local,
        parent: parentNode,
        children: [],
        nth: parent?.elements ?? 1,
        id: id === undefined || id === "" ? null : decode(id),
        start: this.#ordinal,
        end: this.#ordinal,
        visible: true,
        sureTexts: Infinity,
      };
      if (parentNode !== null) addChild(parentNode, node);
      if (this.body === null) this.body = node;
    }
    this.#stack.push({ node, qualified, prefixes, elements: 0, texts: 0, before: 0, pending: "", textStart: 0 });
    if (empty) this.close(qualified);
  }

  #checkPrefix(name: string, prefixes: ReadonlySet<string>): void {
    const colon = name.indexOf(":");
    if (colon === -1 || name.startsWith("xmlns:")) return;
    if (!prefixes.has(name.slice(0, colon))) throw new NotWellFormed("unknown prefix");
  }

  close(qualified: string): void {
    const top = this.#stack.pop();
    if (top === undefined || top.qualified !== qualified) throw new NotWellFormed("tags do not match");
    this.#flush(top);
    if (top.node === null) return;
    top.node.end = this.#ordinal;
    if (top.node === this.body) this.#isInBody = false;
  }

  finish(): Tree {
    if (!this.isDone || this.body === null) throw new NotWellFormed("unfinished");
    return { root: this.body, texts: this.#texts, characters: this.#ordinal, repaired: false };
  }
}

/**
 * The body of a well-formed XHTML file as an XML parser sees it: comments kept, CDATA merged into text, whitespace as
 * it is. Throws {@link NotWellFormed} for anything else. `source` is `normalised`.
 */
export function readXhtml(source: string): Tree {
  const builder = new XmlBuilder();
  let at = 0;
  while (at < source.length) {
    const tag = source.indexOf("<", at);
    if (tag === -1) {
      builder.text(source.slice(at));
      break;
    }
    if (tag > at) {
      const raw = source.slice(at, tag);
      if (raw.includes("]]>")) throw new NotWellFormed("]]> in text");
      builder.text(decode(raw));
    }
    const unit = source.charCodeAt(tag + 1);
    if (unit === 0x2f) {
      const name = readName(source, tag + 2);
      at = tag + 2 + name.length;
      while (source.charCodeAt(at) <= 0x20) at += 1;
      if (source.charCodeAt(at) !== 0x3e) throw new NotWellFormed("bad close tag");
      at += 1;
      builder.close(name);
    } else if (unit === 0x21) {
      const isComment = source.startsWith("<!--", tag);
      const isCdata = !isComment && source.startsWith("<![CDATA[", tag);
      if (!isComment && !isCdata) throw new NotWellFormed("declaration");
      const start = tag + (isComment ? 4 : 9);
      const end = source.indexOf(isComment ? "-->" : "]]>", start);
      if (end === -1) throw new NotWellFormed("unfinished");
      const inner = source.slice(start, end);
      if (isCdata) builder.text(inner);
      else if (inner.includes("--") || inner.endsWith("-")) throw new NotWellFormed("-- in a comment");
      else builder.comment();
      at = end + 3;
    } else if (unit === 0x3f) {
      const end = source.indexOf("?>", tag + 2);
      if (end === -1) throw new NotWellFormed("unfinished");
      at = end + 2;
    } else {
      const name = readName(source, tag + 1);
      const start = readAttributes(source, tag + 1 + name.length);
      builder.open(name, start);
      at = start.next;
    }
  }
  return builder.finish();
}
