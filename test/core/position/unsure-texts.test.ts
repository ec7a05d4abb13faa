import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calibreTree } from "../../../src/core/position/calibre-tree.ts";
import { parseCfi } from "../../../src/core/position/cfi.ts";
import { type SpineTrees, cfiOf, placeOfCfi, placeOfXpointer, xpointerOf } from "../../../src/core/position/convert.ts";
import { crengineTree } from "../../../src/core/position/crengine-tree.ts";
import { ordinalOf } from "../../../src/core/position/place.ts";
import { styleFrom } from "../../../src/core/position/stylesheet.ts";
import type { TextNode, TreeNode } from "../../../src/core/position/tree.ts";
import { charactersFrom } from "../../../src/core/position/words.ts";
import { parseXpointer } from "../../../src/core/position/xpointer.ts";
import { xhtml } from "../../support/positions.ts";

const ITEM = { name: "a.xhtml", mediaType: "application/xhtml+xml", id: "a" };

function treesOf(body: string, css: string): SpineTrees {
  const source = xhtml(body);
  return { crengine: crengineTree(source, ITEM, styleFrom([css])), calibre: calibreTree(source) };
}

/** Where in a body's markup `needle` begins, as KOReader's pointer. */
function pointerAt(body: string, css: string, needle: string): { position: string | null; quality: string } {
  const trees = treesOf(body, css);
  const { calibre } = trees;
  const node = calibre?.texts.find(({ text }) => text.includes(needle));
  if (calibre === null || node === undefined) throw new Error("no such text");
  const ordinal = node.start + node.text.slice(0, node.text.indexOf(needle)).replaceAll(/\s/g, "").length;
  const place = { kind: "text", ordinal, side: "before", spaces: 0 } as const;
  return xpointerOf(trees, 1, { place, exact: true, quality: "text" });
}

describe("a text whose number crengine may count otherwise is told by its element", () => {
  test.each([
    ["in a poem set with white-space: pre", "pre"],
    ["with pre-wrap", "pre-wrap"],
    ["with pre-line", "pre-line"],
    ["with nothing of the kind", "normal"],
  ])("%s", (_, space) => {
    const poem = '<div class="poem"><p>line one</p>\n<p>line two</p>\ntail text of the poem</div>';
    const said = pointerAt(poem, `.poem { white-space: ${space} }`, "tail");
    expect(said).toEqual({ position: "/body/DocFragment[1]/body/div[1]", quality: "element" });
    // Inside its paragraphs nothing is unsure.
    expect(pointerAt(poem, `.poem { white-space: ${space} }`, "two")).toEqual({
      position: "/body/DocFragment[1]/body/div[1]/p[2]/text()[1].5",
      quality: "text",
    });
  });

  test("beside a line break that is shown as a block", () => {
    const body = '<div>some words<br class="b"/>\n<footer class="ib">block</footer>\ntail words here</div>';
    const css = ".b { display: block } .ib { display: inline-block }";
    expect(pointerAt(body, css, "tail")).toEqual({ position: "/body/DocFragment[1]/body/div[1]", quality: "element" });
    // No blank text comes before the first one.
    expect(pointerAt(body, css, "words")).toEqual({
      position: "/body/DocFragment[1]/body/div[1]/text()[1].5",
      quality: "text",
    });
  });

  test("behind an empty inline element and two blanks", () => {
    const body = "<div><p>a</p><i></i> <!-- note --> <p>b</p>tail</div>";
    expect(pointerAt(body, "", "tail").position).toBe("/body/DocFragment[1]/body/div[1]");
  });

  test.each([
    ["a table made of divisions", "<div class='t'><div>a</div> <i>b</i>tail</div>", ".t { display: table }"],
    ["what floats", "<div><img src='a.png'/> <i>b</i> tail</div>", "img { float: left }"],
    ["what is hidden", "<div><i class='h'>a</i> <p>b</p>tail</div>", ".h { display: none }"],
    ["an inline block", "<div><i class='b'>a</i> <i>b</i>tail</div>", ".b { display: inline-block }"],
    ["spans shown as blocks", "<div><span>a</span> <span>b</span>tail</div>", "span { display: block }"],
  ])("beside %s", (_, body, css) => {
    expect(pointerAt(body, css, "tail").position).toBe("/body/DocFragment[1]/body/div[1]");
  });

  test.each([
    ["a place among siblings", "i:first-child { display: block }"],
    ["an attribute", "i[class] { float: left }"],
    ["a device", "@media amzn-kf8 { p { margin: 0 } i { display: block } }"],
  ])("beside what a rule may show otherwise that asks for %s", (_, css) => {
    const body = "<div><i>a</i> <b>b</b>tail</div>";
    expect(pointerAt(body, css, "tail").position).toBe("/body/DocFragment[1]/body/div[1]");
    expect(pointerAt("<div><i>a</i><b>b</b>tail</div>", css, "tail").quality).toBe("text");
    // What is said of other elements, or of boxes that stand in no file, changes nothing.
    const others = "@media print { h1 { display: none } } i::before { display: block } i:hover { display: none }";
    expect(pointerAt(body, others, "tail")).toEqual({
      position: "/body/DocFragment[1]/body/div[1]/text()[2].0",
      quality: "text",
    });
  });

  test("where a rule that is not understood may keep white space, no offset is sure", () => {
    const css = "p[class^='verse'] { white-space: pre } @media print { p { display: none } }";
    const body = "<p class='verse-1'>one   two   tail</p><p>other   tail</p>";
    expect(pointerAt(`<div>${body}</div>`, css, "tail").position).toBe("/body/DocFragment[1]/body/div[1]/p[1]");
    expect(pointerAt("<div>plain   tail</div>", css, "tail").quality).toBe("text");
  });

  test("far into a long element it is what was shown last before the text", () => {
    const paragraphs = Array.from({ length: 40 }, (_, at) => `<p>Paragraph ${at} of a chapter that is long.</p>\n`);
    const long = `<div>${paragraphs.join("").repeat(2)}tail</div>`;
    expect(pointerAt(long, "", "tail")).toEqual({
      position: "/body/DocFragment[1]/body/div[1]/p[80]",
      quality: "element",
    });
  });

  test("and KOReader's own pointer to it is no more than its element", () => {
    const poem = '<div class="poem"><p>line one</p>\n<p>line two</p>\ntail text of the poem</div>';
    const trees = treesOf(poem, ".poem { white-space: pre }");
    const pointer = parseXpointer("/body/DocFragment[1]/body/div/text().6");
    if (pointer === null) throw new Error("no pointer");
    const said = cfiOf(trees, 0, placeOfXpointer(trees.crengine, pointer));
    expect(said).toEqual({ position: "epubcfi(/2/2/4/2/2:7)", quality: "element" });
  });
});

describe("in an ill-formed file", () => {
  const body = "<p>Unclosed <b>one<p>two and <i>three words</p>";
  const trees = treesOf(body, "");

  test("no character is promised to calibre's viewer: its own parser may build another tree", () => {
    const pointer = parseXpointer("/body/DocFragment[1]/body/p/text().4");
    if (pointer === null) throw new Error("no pointer");
    expect(cfiOf(trees, 0, placeOfXpointer(trees.crengine, pointer)).quality).toBe("element");
  });

  test("nor to KOReader for a place of calibre's", () => {
    const cfi = parseCfi("epubcfi(/2/2/4/2/1:4)");
    if (cfi === null || trees.calibre === null) throw new Error("no CFI");
    expect(xpointerOf(trees, 1, placeOfCfi(trees.calibre, cfi)).quality).toBe("element");
  });
});

const SPACES = ["normal", "pre", "pre-wrap", "pre-line"];
const DISPLAYS = ["block", "inline", "inline-block", "none", "table", "list-item"];
/** An element's name tells how it is shown: `inline-block_pre-line`. */
const NAMES = SPACES.flatMap((space) => [...DISPLAYS, "float"].map((display) => `${display}_${space}`));
const SHEET = NAMES.map((name) => {
  const [display = "", space = ""] = name.split("_");
  const shown = display === "float" ? "display: block; float: left" : `display: ${display}`;
  return `${name} { ${shown}; white-space: ${space} }`;
}).join("\n");

const blank = fc.constantFrom(" ", "\n", "\n  ", "<!-- c -->", " <!-- c --> ");
const words = fc.constantFrom("alpha beta", "gamma\ndelta", "epsilon  zeta", " eta ", "x");
const node = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    words,
    blank,
    fc.constantFrom("<br/>", "<i></i>", '<img src="x.png"/>'),
    fc
      .tuple(fc.constantFrom(...NAMES, "i", "p"), fc.array(tie("node"), { maxLength: 5 }))
      .map(([name, children]) => `<${name}>${children.join("")}</${name}>`),
  ),
})).node;

function isBlankText(child: TreeNode): boolean {
  return child.kind === "comment" || (child.kind === "text" && child.text.trim() === "");
}

const PLAIN = new Set(["i", "br", "img", ...NAMES.filter((name) => name.startsWith("inline_"))]);

/**
 * The blank texts before a text that crengine, whatever its rules, may count or not: none among plain inline elements,
 * and not those that come first of all, of which every version thinks the same.
 */
function doubtful(text: TextNode): number {
  const { children } = text.parent;
  const isPlain = children.every((child) => child.kind !== "element" || PLAIN.has(child.name));
  if (isPlain && !text.parent.name.startsWith("table_")) return 0;
  const before = children.slice(0, children.indexOf(text));
  const first = before.findIndex((child) => child.kind === "element" || !isBlankText(child));
  return first === -1 ? 0 : before.slice(first).filter((child) => child.kind === "text" && isBlankText(child)).length;
}

test("whatever the styles, a text is only called one where no rule about blanks could number it otherwise", () => {
  let called = 0;
  fc.assert(
    fc.property(fc.array(node, { minLength: 1, maxLength: 6 }), fc.nat(), (nodes, which) => {
      const trees = treesOf(nodes.join(""), SHEET);
      const { calibre, crengine } = trees;
      const inked = calibre?.texts.filter(({ start, end }) => end > start) ?? [];
      const text = inked[which % Math.max(1, inked.length)];
      if (text === undefined || calibre === null) return;
      const place = { kind: "text", ordinal: text.start, side: "before", spaces: 0 } as const;
      const said = xpointerOf(trees, 1, { place, exact: true, quality: "text" });
      const pointer = parseXpointer(said.position ?? "");
      if (pointer === null) throw new Error("no pointer");
      const home = placeOfXpointer(crengine, pointer);
      expect(home.exact || said.quality === "fragment").toBe(true);
      if (said.quality !== "text") return;
      called += 1;
      expect(doubtful(text)).toBe(0);
      expect(home.quality).toBe("text");
      expect(charactersFrom(crengine, ordinalOf(home.place), 12)).toBe(charactersFrom(calibre, text.start, 12));
    }),
    { numRuns: 1500 },
  );
  expect(called).toBeGreaterThan(200);
});
