import type { DefaultTreeAdapterTypes } from "parse5";
import { parseHtml } from "./html-parse.ts";
import { TreeBuilder, plainStyle } from "./tree-builder.ts";
import { readTokens } from "./crengine-tokens.ts";
import type { Tree } from "./tree.ts";

/** Pictures and descriptions are no text to read. */
const NO_TEXT = new Set(["binary", "stylesheet", "description"]);

/** crengine's tree of an FB2 file: one document without fragments, names as they are written. */
export function fictionBookTree(source: string): Tree {
  const builder = new TreeBuilder("", (name, attributes) =>
    name === "cite" || name === "subtitle" || name === "title"
      ? { display: "block", floats: false, pre: null }
      : plainStyle(name, attributes),
  );
  let hidden = 0;
  readTokens(source, {
    keepsCase: () => true,
    open(name) {
      if (NO_TEXT.has(name)) hidden += 1;
      builder.open(name);
    },
    attribute(name, value) {
      builder.attribute(name, value);
    },
    body(name, empty) {
      builder.body(name, empty);
      if (empty && NO_TEXT.has(name)) hidden -= 1;
    },
    close(name) {
      if (NO_TEXT.has(name) && hidden > 0) hidden -= 1;
      builder.close(name);
    },
    text(raw, isCdata) {
      if (hidden === 0) builder.text(raw, isCdata);
    },
  });
  return builder.finish();
}

type HtmlNode = DefaultTreeAdapterTypes.ChildNode;

/** crengine's tree of a single HTML file, which it repairs as HTML5 says; parse5 stands in for that repair. */
export function htmlTree(source: string): Tree {
  // crengine knows no quirks mode: a table always ends a paragraph.
  const document = parseHtml(`<!DOCTYPE html>${source.replace(/^\s*<!doctype[^>]*>/i, "")}`);
  const builder = new TreeBuilder("", plainStyle);
  const stack: Array<{ readonly name: string; readonly nodes: readonly HtmlNode[]; at: number }> = [
    { name: "", nodes: document.childNodes, at: 0 },
  ];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const node = top.nodes[top.at];
    top.at += 1;
    if (node === undefined) {
      stack.pop();
      if (top.name !== "") builder.close(top.name);
    } else if ("tagName" in node) {
      if (node.tagName === "head") continue;
      builder.open(node.tagName);
      for (const { name, value } of node.attrs) builder.attribute(name, value);
      builder.body(node.tagName, false);
      stack.push({ name: node.tagName, nodes: node.childNodes, at: 0 });
    } else if (node.nodeName === "#text" && "value" in node) {
      builder.text(node.value, true);
    }
  }
  return builder.finish();
}
