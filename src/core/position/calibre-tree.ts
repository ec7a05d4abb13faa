import type { DefaultTreeAdapterTypes } from "parse5";
import { normalised } from "./calibre-source.ts";
import { countCharacters } from "./characters.ts";
import { parseHtml } from "./html-parse.ts";
import { type ElementNode, type TextNode, type Tree, TreeRefused, addChild } from "./tree.ts";
import { NotWellFormed } from "./xml-tokens.ts";
import { readXhtml } from "./xml-tree.ts";

type HtmlNode = DefaultTreeAdapterTypes.Node;
type HtmlElement = DefaultTreeAdapterTypes.Element;

function childrenOf(node: HtmlNode): readonly HtmlNode[] {
  return "childNodes" in node ? node.childNodes : [];
}

function isElement(node: HtmlNode): node is HtmlElement {
  return "tagName" in node;
}

/** The body of an HTML document as our tree; the walk keeps its own stack. */
function fromHtml(body: HtmlElement): Tree {
  const texts: TextNode[] = [];
  let ordinal = 0;
  function element(html: HtmlElement, parent: ElementNode | null, nth: number): ElementNode {
    const id = html.attrs.find(({ name }) => name === "id")?.value;
    return {
      kind: "element",
      // calibre knows the prefix for a namespace, whose name is what follows.
      name: html.tagName.slice(html.tagName.indexOf(":") + 1),
      parent,
      children: [],
      nth,
      id: id === undefined || id === "" ? null : id,
      start: ordinal,
      end: ordinal,
      visible: true,
      sureTexts: Infinity,
    };
  }
  // An HTML parser always makes a head first.
  const root = element(body, null, 2);
  const stack = [{ html: childrenOf(body), node: root, at: 0, elements: 0, texts: 0, before: 0 }];
  while (stack.length > 0) {
    const top = stack.at(-1);
    if (top === undefined) break;
    const child = top.html[top.at];
    top.at += 1;
    if (child === undefined) {
      top.node.end = ordinal;
      stack.pop();
    } else if (isElement(child)) {
      top.elements += 1;
      const node = element(child, top.node, top.elements);
      addChild(top.node, node);
      stack.push({ html: childrenOf(child), node, at: 0, elements: 0, texts: 0, before: 0 });
    } else if (child.nodeName === "#text" && "value" in child) {
      const start = ordinal;
      ordinal += countCharacters(child.value);
      top.texts += 1;
      const node: TextNode = {
        kind: "text",
        parent: top.node,
        text: child.value,
        nth: top.texts,
        start,
        end: ordinal,
        before: top.before,
      };
      top.before += child.value.length;
      addChild(top.node, node);
      texts.push(node);
    } else if (child.nodeName === "#comment") {
      addChild(top.node, { kind: "comment" });
    }
  }
  return { root, texts, characters: ordinal, repaired: true };
}

const EMPTY_TAG = /<([a-zA-Z][^\s/<>]*)(\s[^<>]*)?\/>/g;
const VOID = /^(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)$/i;

/** calibre's HTML parser lets every tag close itself, as in XHTML; parse5 does not. */
function withEmptyTags(source: string): string {
  return source.replaceAll(EMPTY_TAG, (tag, name: string, attributes = "") =>
    VOID.test(name) ? tag : `<${name}${attributes}></${name}>`,
  );
}

function readHtml(source: string): Tree {
  const html = parseHtml(withEmptyTags(source)).childNodes.find((node) => node.nodeName === "html");
  const body = html === undefined ? undefined : childrenOf(html).find((node) => node.nodeName === "body");
  if (body === undefined || !isElement(body)) throw new TreeRefused("no_body");
  return fromHtml(body);
}

/**
 * calibre's tree of one spine file, from its body on: well-formed XHTML as an XML parser sees it, everything else
 * as an HTML5 parser repairs it. Throws {@link TreeRefused} for absurd nesting.
 */
export function calibreTree(source: string): Tree {
  const text = normalised(source);
  try {
    return readXhtml(text);
  } catch (error) {
    if (!(error instanceof NotWellFormed)) throw error;
  }
  return readHtml(text);
}
