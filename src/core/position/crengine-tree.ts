import { storedText } from "./crengine-text.ts";
import { readTokens } from "./crengine-tokens.ts";
import { type StyleOf, TreeBuilder, plainStyle } from "./tree-builder.ts";
import type { Tree } from "./tree.ts";

/** The text of a spine item that crengine cannot read: it shows this message in its place. */
export interface Unreadable {
  readonly name: string;
  readonly mediaType: string;
  readonly id: string;
}

const SVG_HEAD = /^\uFEFF?\s*(?:<[?!][^>]*>\s*)*<(?:\w+:)?svg[\s>]/i;

/** Whether a file is an SVG image: nothing but declarations and comments before its root. */
function isSvg(source: string): boolean {
  return SVG_HEAD.test(source.slice(0, 8192).replaceAll(/<!--[\s\S]*?-->/g, ""));
}

function read(source: string, styleOf: StyleOf): Tree | null {
  const builder = new TreeBuilder("DocFragment", styleOf);
  let isInBody = false;
  let hasBody = false;
  let head: "link" | "style" | null = null;
  let link: { rel: string; type: string; href: string; media: string } = { rel: "", type: "", href: "", media: "" };
  const links: Array<{ href: string; media: string }> = [];
  let headStyle = "";

  function openBody(): void {
    isInBody = true;
    hasBody = true;
    // The first style sheet becomes an attribute; further ones, and styles in the head, an element of their own.
    if (links[0]?.media === "") links.shift();
    const sheet = links
      .map(({ href, media }) => `@import url("${href}")${media === "" ? "" : ` ${media}`};\n`)
      .join("");
    links.length = 0;
    if (sheet + headStyle !== "") builder.addStylesheet(sheet + headStyle);
    headStyle = "";
    builder.open("body");
  }

  readTokens(source, {
    keepsCase: () => isInBody && builder.isInSvg,
    open(name) {
      if (isInBody) builder.open(name);
      else if (name === "body" && !hasBody) openBody();
      else {
        head = name === "link" || name === "style" ? name : head;
        if (name === "link") link = { rel: "", type: "", href: "", media: "" };
      }
    },
    attribute(name, value) {
      if (isInBody) builder.attribute(name, value);
      else if (head === "link" && (name === "rel" || name === "type" || name === "href" || name === "media")) {
        link[name] = value;
      }
    },
    body(name, empty) {
      if (isInBody) {
        builder.body(name, false);
        if (empty) this.close(name);
        return;
      }
      if (head === "link" && name === "link") {
        const isSheet = link.rel === "" || link.rel.toLowerCase() === "stylesheet";
        if (isSheet && (link.type === "" || link.type.toLowerCase() === "text/css")) links.push(link);
        head = null;
      }
      if (empty) this.close(name);
    },
    close(name) {
      head = null;
      if (!isInBody) return;
      builder.close(name);
      if (name === "body") isInBody = false;
    },
    text(raw, isCdata) {
      if (isInBody) builder.text(raw, isCdata);
      else if (head === "style") headStyle += storedText(raw, { pre: false, cdata: isCdata });
    },
  });
  return hasBody ? builder.finish() : null;
}

/**
 * crengine's tree of one spine file: a `DocFragment` with its `body`. What has no body becomes what crengine makes of
 * it, a wrapped SVG or a message. Throws {@link TreeRefused} for absurd nesting.
 */
export function crengineTree(source: string | null, item: Unreadable, styleOf: StyleOf = plainStyle): Tree {
  const tree = source === null ? null : read(source, styleOf);
  if (tree !== null) return tree;
  if (source !== null && isSvg(source)) {
    const wrapped = read(`<html><body><autoBoxing>${source}</autoBoxing></body></html>`, styleOf);
    if (wrapped !== null) return wrapped;
  }
  const message = `Failed handling EPUB spine item '${item.name}' (${item.mediaType}, ${item.id}).`;
  const builder = new TreeBuilder("DocFragment", styleOf);
  for (const name of ["body", "pre"]) {
    builder.open(name);
    builder.body(name, false);
  }
  builder.text(message, true);
  return builder.finish();
}
