import { type DefaultTreeAdapterTypes, defaultTreeAdapter, parse } from "parse5";
import { countCharacters } from "./characters.ts";
import { type ElementNode, type TextNode, type Tree, TreeRefused } from "./tree.ts";
import { NotWellFormed, normalised, readXhtml } from "./xml-tree.ts";

type HtmlNode = DefaultTreeAdapterTypes.Node;
type HtmlElement = DefaultTreeAdapterTypes.Element;

/** HTML repair can multiply elements; more than this many for each `<` of the source is an attack. */
const ELEMENTS_PER_TAG = 8;
const DEEPEST_HTML = 400;

function parseHtml(source: string): DefaultTreeAdapterTypes.Document {
  let tags = 1000;
  for (let at = source.indexOf("<"); at !== -1; at = source.indexOf("<", at + 1)) tags += 1;
  let left = tags * ELEMENTS_PER_TAG;
  const depth = new WeakMap<object, number>();
  const adapter: typeof defaultTreeAdapter = {
    ...defaultTreeAdapter,
    createElement(name, namespace, attributes) {
      left -= 1;
      if (left < 0) throw new TreeRefused("too_large");
      return defaultTreeAdapter.createElement(name, namespace, attributes);
    },
    appendChild(parent, child) {
      const level = (depth.get(parent) ?? 0) + 1;
      if (level > DEEPEST_HTML) throw new TreeRefused("too_deep");
      depth.set(child, level);
      defaultTreeAdapter.appendChild(parent, child);
    },
  };
  return parse(source, { treeAdapter: adapter, sourceCodeLocationInfo: false });
}

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
      name: html.tagName,
      parent,
      children: [],
      nth,
      id: id === undefined || id === "" ? null : id,
      start: ordinal,
      end: ordinal,
      visible: true,
    };
  }
  const root = element(body, null, 1);
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
      top.node.children.push(node);
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
      top.node.children.push(node);
      texts.push(node);
    } else if (child.nodeName === "#comment") {
      top.node.children.push({ kind: "comment" });
    }
  }
  return { root, texts, characters: ordinal };
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
