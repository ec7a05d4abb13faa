import { describe, expect, test } from "vitest";
import { cfiTo, followCfi } from "../../../src/core/position/calibre-cfi.ts";
import { calibreTree } from "../../../src/core/position/calibre-tree.ts";
import { formatCfi, parseCfi } from "../../../src/core/position/cfi.ts";
import { type Tree, TreeRefused } from "../../../src/core/position/tree.ts";
import { shapeOf } from "../../support/tree-shape.ts";

const ROOT = 'xmlns="http://www.w3.org/1999/xhtml"';

function xhtml(body: string): string {
  return `<?xml version="1.0"?>\n<!DOCTYPE html>\n<html ${ROOT}><head><title>t</title></head><body>${body}</body></html>`;
}

describe("well-formed XHTML", () => {
  test.each([
    ["comments stay, CDATA is text", "<p>a<!-- c -->b<![CDATA[<x>]]>d</p>", 'body(p("a" ! "b<x>d"))'],
    ["whitespace is as it is, line ends are unified", "<p> a\r\n b</p>\r", String.raw`body(p(" a\n b") "\n")`],
    ["entities are decoded, HTML's too", "<p>&amp;&nbsp;&#8212;&hellip;&apos;</p>", 'body(p("&\u00A0—…\'"))'],
    ["tables get no tbody", "<table><tr><td>a</td></tr></table>", 'body(table(tr(td("a"))))'],
    ["an empty tag is empty", '<p><a id="x"/>b</p>', 'body(p(a() "b"))'],
    ["a > in quotes does not end a tag", '<p title="a>b">c</p>', 'body(p("c"))'],
  ])("%s", (_, body, expected) => {
    expect(shapeOf(calibreTree(xhtml(body)).root)).toBe(expected);
  });
});

describe("what is not well-formed is repaired as HTML", () => {
  test.each([
    ["an open paragraph", xhtml("<p>a<p>b"), 'body(p("a") p("b"))'],
    ["an open br", xhtml("<p>a<br>b</p>"), 'body(p("a" br() "b"))'],
    [
      "an unknown entity",
      xhtml("<p>&unknown;</p><table><tr><td/></tr></table>"),
      'body(p("&unknown;") table(tbody(tr(td()))))',
    ],
    [
      "an undeclared prefix",
      xhtml('<p epub:type="x">a<table><tr></tr></table></p>'),
      'body(p("a" table(tbody(tr()))))',
    ],
    ["no namespace", "<html><body><table><tr><td>a</td></tr></table></body></html>", 'body(table(tbody(tr(td("a")))))'],
    ["a repeated attribute", xhtml('<p id="a" id="b">x<hr/></p>'), 'body(p("x") hr() p())'],
  ])("%s", (_, source, expected) => {
    expect(shapeOf(calibreTree(source).root)).toBe(expected);
  });

  test("entities that a document declares are put in before", () => {
    const source = `<!DOCTYPE html [<!ENTITY who "Alice">]><html ${ROOT}><head/><body><p>&who;</p></body></html>`;
    expect(shapeOf(calibreTree(source).root)).toBe('body(p("Alice"))');
  });

  test("nesting that would multiply elements, or is absurdly deep, is refused by name", () => {
    const fonts = Array.from({ length: 3000 }, (_, at) => `<p><font size="${at}">`).join("x");
    expect(() => calibreTree(`<body>${fonts}`)).toThrow(TreeRefused);
    expect(() => calibreTree(`<body>${"<div>".repeat(50_000)}`)).toThrow(new TreeRefused("too_deep"));
    expect(() => calibreTree(xhtml("<i>".repeat(5000) + "</i>".repeat(5000)))).toThrow(new TreeRefused("too_deep"));
  });
});

describe("CFIs in that tree", () => {
  const tree: Tree = calibreTree(
    xhtml(
      '<div id="a b"><p>one<!-- c -->two<b id="same">x</b>three</p><p><i id="same"/>four</p><p><!-- c -->5</p></div>',
    ),
  );
  test.each([
    ["a text before everything", "epubcfi(/2/2/4/2[a b]/2/1:2)", "one", 2],
    ["a text behind a comment", "epubcfi(/2/2/4/2[a b]/2/1:4)", "two", 1],
    ["a text behind an element", "epubcfi(/2/2/4/2[a b]/2/1:8)", "three", 2],
    ["a border is the text that begins there", "epubcfi(/2/2/4/2[a b]/2/1:6)", "three", 0],
    ["a text behind a first element", "epubcfi(/2/2/4/2[a b]/4/2:1)", "four", 1],
    ["a text behind a first comment", "epubcfi(/2/2/4/2[a b]/6/1:0)", "5", 0],
  ])("%s", (_, cfi, text, units) => {
    const parsed = parseCfi(cfi);
    const found = parsed === null ? null : followCfi(tree, parsed);
    expect(found?.node.kind === "text" && found.node.text).toBe(text);
    expect(found?.units).toBe(units);
    expect(found === null ? "" : formatCfi(cfiTo(tree, 0, found.node, found.units))).toBe(cfi);
  });

  test("an id wins over a number that has gone astray, and an id that is there twice is not told", () => {
    const parsed = parseCfi("epubcfi(/2/2/4/8[a b]/2/1:2)");
    const found = parsed === null ? null : followCfi(tree, parsed);
    expect(found?.exact).toBe(true);
    const bold = parseCfi("epubcfi(/2/2/4/2/2/2)");
    const element = bold === null ? null : followCfi(tree, bold);
    expect(element === null ? "" : formatCfi(cfiTo(tree, 0, element.node, 0))).toBe("epubcfi(/2/2/4/2[a b]/2/2)");
  });

  test.each(["epubcfi(/2/2/4/20/2)", "epubcfi(/2/2/4/2/2/1:900)", "epubcfi(/2/2/2/4)"])(
    "%s leads to the nearest ancestor",
    (cfi) => {
      const parsed = parseCfi(cfi);
      expect(parsed === null ? null : followCfi(tree, parsed).exact).toBe(false);
    },
  );
});
