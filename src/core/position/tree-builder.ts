import { countCharacters, isBlank } from "./characters.ts";
import { type ElementStyle, defaultStyle, keepsText } from "./crengine-display.ts";
import { splitText, storedText } from "./crengine-text.ts";
import { type OpenElement, settle } from "./crengine-whitespace.ts";
import { DEEPEST, type ElementNode, type TextNode, type Tree, TreeRefused, addChild } from "./tree.ts";

/** Attributes that decide how an element is shown, as written. */
export interface ShownBy {
  class?: string;
  style?: string;
  id?: string;
  /** Of an `a` it is as good as an id. */
  name?: string;
  type?: string;
  hidden?: boolean;
}

/** Answers how an element is styled; `ancestors` are the open elements, the nearest last. */
export type StyleOf = (name: string, attributes: ShownBy, ancestors: readonly OpenElement[]) => ElementStyle;

/** Without any style sheet: by name, by the `hidden` attribute, and page numbers of EPUB 3 hidden. */
export function plainStyle(name: string, attributes: ShownBy): ElementStyle {
  const style = defaultStyle(name);
  const isHidden = attributes.hidden === true || (name === "span" && attributes.type === "pagebreak");
  return isHidden ? { ...style, display: "none" } : style;
}

/** Builds crengine's tree from what a reader tells it. */
export class TreeBuilder {
  readonly root: ElementNode;
  readonly #open: OpenElement[] = [];
  readonly #texts: TextNode[] = [];
  readonly #openNames = new Map<string, number>();
  readonly #styleOf: StyleOf;
  #pending: { name: string; attributes: ShownBy } | null = null;
  #ordinal = 0;

  constructor(rootName: string, styleOf: StyleOf) {
    this.#styleOf = styleOf;
    this.root = {
      kind: "element",
      name: rootName,
      parent: null,
      children: [],
      nth: 1,
      id: null,
      start: 0,
      end: 0,
      visible: true,
      sureTexts: Infinity,
    };
    this.#push(this.root, rootName, { display: "block", floats: false, pre: false }, {});
  }

  get isInSvg(): boolean {
    return this.#top?.insideSvg ?? false;
  }

  get #top(): OpenElement | undefined {
    return this.#open.at(-1);
  }

  #push(node: ElementNode, name: string, style: ElementStyle, attributes: ShownBy): void {
    const parent = this.#top;
    const insideSvg = name === "svg" || (parent?.insideSvg ?? false);
    const pre = insideSvg ? keepsText(name, true) : (style.pre ?? parent?.pre ?? false);
    this.#open.push({
      node,
      style,
      attributes,
      pre,
      spaceIsDoubtful: style.doubtful === "white-space" || (parent?.spaceIsDoubtful ?? false),
      insideSvg,
      insideMath: name === "math" || (parent?.insideMath ?? false),
      keepsText: keepsText(name, insideSvg),
      stripsNewline: name === "pre" || name === "textarea",
      rendered: [],
    });
    this.#openNames.set(name, (this.#openNames.get(name) ?? 0) + 1);
  }

  open(name: string): void {
    this.#settlePending();
    this.#pending = { name, attributes: {} };
  }

  attribute(name: string, value: string): void {
    const attributes = this.#pending?.attributes;
    if (attributes === undefined) return;
    if (name === "class" || name === "style" || name === "id" || name === "name" || name === "type")
      attributes[name] = value;
    else if (name === "hidden") attributes.hidden = true;
  }

  body(name: string, empty: boolean): void {
    this.#settlePending();
    if (empty) this.close(name);
  }

  #settlePending(): void {
    if (this.#pending === null) return;
    const { name, attributes } = this.#pending;
    this.#pending = null;
    const parent = this.#top;
    if (parent === undefined) return;
    if (this.#open.length > DEEPEST) throw new TreeRefused("too_deep");
    const style = this.#styleOf(name, attributes, this.#open);
    const node: ElementNode = {
      kind: "element",
      name,
      parent: parent.node,
      children: [],
      nth: 1,
      id: attributes.id ?? (name === "a" ? attributes.name : undefined) ?? null,
      start: this.#ordinal,
      end: this.#ordinal,
      visible: parent.node.visible && style.display !== "none" && !parent.insideSvg,
      sureTexts: Infinity,
    };
    addChild(parent.node, node);
    parent.stripsNewline = false;
    this.#push(node, name, style, attributes);
  }

  /** Closes up to the nearest open element of that name; a name that is not open closes nothing. */
  close(name: string): void {
    this.#settlePending();
    if ((this.#openNames.get(name) ?? 0) === 0) return;
    for (;;) {
      const closed = this.#open.pop();
      if (closed === undefined) return;
      this.#openNames.set(closed.node.name, (this.#openNames.get(closed.node.name) ?? 1) - 1);
      closed.node.end = this.#ordinal;
      settle(closed, this.#top);
      if (closed.node.name === name) return;
    }
  }

  /** Raw text between two tags: cut and stored as crengine does, dropped where it keeps none. */
  text(raw: string, cdata: boolean): void {
    this.#settlePending();
    const top = this.#top;
    if (top === undefined) return;
    const mode = { pre: top.pre, cdata };
    // Nearly every text is one piece.
    if (raw.length <= 8192) this.#addText(storedText(raw, mode), top);
    else for (const piece of splitText(raw)) this.#addText(storedText(piece, mode), top);
  }

  #addText(stored: string, top: OpenElement): void {
    const start = this.#ordinal;
    this.#ordinal += countCharacters(stored);
    if (!top.keepsText) return;
    let text = stored;
    if (top.insideMath) {
      text = text.trim();
      if (text === "") return;
    }
    const { node } = top;
    const isBlock = top.style.display !== "inline" && top.style.display !== "ruby" && top.style.display !== "none";
    if (isBlock && node.children.length === 0 && !top.pre && isBlank(text)) return;
    if (top.stripsNewline) {
      if (text.startsWith("\n") && node.children.length === 0) text = text.slice(1);
      top.stripsNewline = false;
    }
    const added: TextNode = { kind: "text", parent: node, text, nth: 1, start, end: this.#ordinal, before: 0 };
    addChild(node, added);
    this.#texts.push(added);
  }

  /** The style sheets of a file's head, which crengine keeps before the body; its text does not count. */
  addStylesheet(text: string): void {
    this.open("stylesheet");
    this.body("stylesheet", false);
    const parent = this.#top?.node;
    if (parent === undefined) return;
    addChild(parent, { kind: "text", parent, text, nth: 1, start: 0, end: 0, before: 0 });
    this.close("stylesheet");
  }

  /** Closes everything that is still open. */
  finish(): Tree {
    this.#settlePending();
    while (this.#open.length > 0) this.close(this.#top?.node.name ?? "");
    return { root: this.root, texts: this.#texts, characters: this.#ordinal, repaired: false };
  }
}
