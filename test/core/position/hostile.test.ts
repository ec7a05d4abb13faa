import { describe, expect, test } from "vitest";
import { calibreTree } from "../../../src/core/position/calibre-tree.ts";
import { crengineTree } from "../../../src/core/position/crengine-tree.ts";
import { fictionBookTree, htmlTree } from "../../../src/core/position/documents.ts";
import { readPackage } from "../../../src/core/position/package.ts";
import { importsIn, sheetsIn } from "../../../src/core/position/sheets.ts";
import { styleFrom } from "../../../src/core/position/stylesheet.ts";
import { parseLinkTarget } from "../../../src/core/position/link-target.ts";
import { followStandardCfi, parseStandardCfi } from "../../../src/core/position/standard-cfi.ts";
import { readNav } from "../../../src/core/position/toc.ts";
import { type Tree, TreeRefused } from "../../../src/core/position/tree.ts";
import { xhtml } from "../../support/positions.ts";

const ITEM = { name: "a", mediaType: "", id: "" };
const LONG = 200_000;

/** Reads a file with a reader; what is refused by name is as good as what is read. */
function outcome(read: () => Tree): string {
  try {
    return read().characters >= 0 ? "read" : "";
  } catch (error) {
    if (error instanceof TreeRefused) return "refused";
    throw error;
  }
}

/** Each took minutes or more in some reader of this kind; here each must end well within a test's time. */
const HOSTILE: ReadonlyArray<readonly [what: string, source: string]> = [
  ["elements without end", xhtml("<div>".repeat(LONG))],
  ["formatting that multiplies", xhtml(Array.from({ length: 20_000 }, (_, at) => `<p><font size="${at}">`).join("x"))],
  ["close tags that match nothing", xhtml("<i>".repeat(300) + "</b></p></table>".repeat(LONG))],
  ["opened comments", xhtml("<!-- ".repeat(LONG))],
  ["opened CDATA", xhtml("<![CDATA[".repeat(LONG))],
  ["opened tags", xhtml("<a b='".repeat(LONG))],
  ["one tag with attributes without end", xhtml(`<a ${"b=c ".repeat(LONG)}>`)],
  ["one tag with spaces without end", xhtml(`<a${" ".repeat(LONG)}<b`)],
  ["ampersands", xhtml("&".repeat(LONG))],
  ["entities without end", xhtml(`&${"a".repeat(LONG)};`)],
  ["brackets", xhtml("]]>".repeat(LONG))],
  ["spaces", xhtml(" \n\t".repeat(LONG))],
  ["comments before no image", "<!-- a -->".repeat(LONG)],
  ["style sheets that never close", `<html><head>${"<style>".repeat(LONG)}</head><body>x</body></html>`],
  ["links that never close", `<html><head>${"<link href=".repeat(LONG)}`],
  [
    "an entity that swells",
    `<!DOCTYPE x [<!ENTITY a "${"x".repeat(900)}">]><html><body>${"&a;".repeat(LONG)}</body></html>`,
  ],
  ["a line of text without end", xhtml(`<div>${"a<br/> ".repeat(LONG / 2)}<p>b</p></div>`)],
  ["tables in tables", xhtml("<table><tr><td>".repeat(LONG))],
];

describe("a hostile file ends soon, read or refused by name", () => {
  test.each(HOSTILE)("%s", (_, source) => {
    const { inline } = sheetsIn(source);
    const outcomes = [
      outcome(() => crengineTree(source, ITEM, styleFrom(inline))),
      outcome(() => calibreTree(source)),
      outcome(() => htmlTree(source)),
      outcome(() => fictionBookTree(source)),
    ];
    expect(outcomes.every((one) => one === "read" || one === "refused")).toBe(true);
    expect(readPackage(source, "a").spine).toEqual([]);
    expect(readNav(source, "a").length).toBeLessThan(LONG);
  });

  test.each([
    ["imports that never end", "@import ".repeat(LONG)],
    ["comments that never end", "/* ".repeat(LONG)],
    ["blocks that never end", "@media { p { ".repeat(LONG)],
    ["rules for every element", "p { display: block } ".repeat(20_000)],
    ["selectors that look far up", `${"div ".repeat(19)}p { display: none } `.repeat(5000)],
  ])("a hostile style sheet: %s", (_, css) => {
    const source = xhtml(`${"<div>".repeat(100)}${"<p>x</p>".repeat(3000)}`);
    expect(outcome(() => crengineTree(source, ITEM, styleFrom([css])))).toBe("read");
    expect(importsIn(css)).toEqual([]);
  });

  test("a CFI that jumps to and fro", () => {
    const tree = calibreTree(xhtml(`<p id="a">${"<i>x</i>".repeat(100_000)}</p>`));
    for (const step of ["/2[a]", "/200000[a]", "/2[b]", "/3"]) {
      const cfi = parseStandardCfi(`epubcfi(/6/2!/4${step.repeat(65_000 / step.length)})`);
      expect(cfi === null ? "" : followStandardCfi(tree, cfi).node.kind).toBe("element");
    }
    expect(parseStandardCfi(`epubcfi(/6/2!${"[".repeat(60_000)})`)).toBeNull();
    expect(parseLinkTarget(`#_doc_fragment_4_${" ".repeat(LONG)}x`)).toBeNull();
  });
});
