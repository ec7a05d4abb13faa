import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCfi } from "../../../src/core/position/cfi.ts";
import { calibreTree } from "../../../src/core/position/calibre-tree.ts";
import { type SpineTrees, cfiOf, placeOfCfi, placeOfXpointer, xpointerOf } from "../../../src/core/position/convert.ts";
import { pointerTo } from "../../../src/core/position/crengine-pointer.ts";
import { crengineTree } from "../../../src/core/position/crengine-tree.ts";
import { ordinalOf } from "../../../src/core/position/place.ts";
import { styleFrom } from "../../../src/core/position/stylesheet.ts";
import { charactersFrom } from "../../../src/core/position/words.ts";
import { parseXpointer } from "../../../src/core/position/xpointer.ts";
import { xhtml } from "../../support/positions.ts";

const ITEM = { name: "a.xhtml", mediaType: "application/xhtml+xml", id: "a" };

const words = fc.constantFrom(
  "Alice", " ", "\n  ", "\t", "was beginning", "to get very tired", "of sitting", "\u00A0", "&nbsp;", "&amp;", "&lt;",
  "&hellip;", "&#8212;", "&#x2014;", "&#32;", "&eacute;", "😀", "𝒳", "e\u0301", "漢字", "soft\u00ADhyphen", "a", ".", "\u200B",
); // prettier-ignore

const texts = fc.array(words, { maxLength: 6 }).map((parts) => parts.join(""));
const inline = fc.constantFrom("b", "i", "em", "span", "a", "sup", "code", "x-y", "q", "ruby", "rt");
const block = fc.constantFrom(
  "p",
  "div",
  "section",
  "blockquote",
  "h2",
  "li",
  "ul",
  "pre",
  "table",
  "tr",
  "td",
  "figure",
);
const leaf = fc.constantFrom(
  "<br/>",
  '<img src="x.png"/>',
  "<hr/>",
  "<!-- note -->",
  "<![CDATA[raw <x> & y]]>",
  '<a id="n1"></a>',
  '<svg xmlns="http://www.w3.org/2000/svg"><text>drawn</text></svg>',
  '<math xmlns="http://www.w3.org/1998/Math/MathML"><mi>x</mi><mo>=</mo></math>',
  "<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>",
  '<span style="display: none">hidden</span>',
  '<p hidden="hidden">hidden</p>',
  "<script>if (1 &lt; 2) { }</script>",
);

/** Well-formed XHTML of everything that makes the two trees differ. */
const formed = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    texts,
    leaf,
    fc
      .tuple(fc.oneof(inline, block), fc.array(tie("node"), { maxLength: 4 }))
      .map(([name, children]) => `<${name}>${children.join("")}</${name}>`),
  ),
})).node;

const document = fc.array(formed, { minLength: 1, maxLength: 8 }).map((nodes) => xhtml(nodes.join("")));

/** Tags that do not match, bare signs, broken comments: anything at all. */
const broken = fc
  .array(
    fc.oneof(
      formed,
      texts,
      inline.map((name) => `<${name}>`),
      block.map((name) => `</${name}>`),
      block.map((name) => `<${name} class="a" `),
      fc.constantFrom("&", "<", ">", "]]>", "<!--", "<![CDATA[", "<?x", '"', "</", "&#", "<a b='", "<p\t>", "\0"),
    ),
    { maxLength: 20 },
  )
  .map((parts) => xhtml(parts.join("")));

function treesOf(source: string): SpineTrees {
  return { crengine: crengineTree(source, ITEM, styleFrom([])), calibre: calibreTree(source) };
}

describe("on any well-formed file", () => {
  test("both trees count the same characters in the same order", () => {
    fc.assert(
      fc.property(document, (source) => {
        const { crengine, calibre } = treesOf(source);
        expect(calibre?.characters).toBe(crengine.characters);
        for (let at = 0; at < crengine.texts.length; at += 1) {
          const node = crengine.texts[at];
          if (node === undefined || node.end === node.start || node.parent.name === "mi") continue;
          const length = node.end - node.start;
          expect(calibre === null ? "" : charactersFrom(calibre, node.start, length)).toBe(
            node.text.replaceAll(/[\0- ]+/g, ""),
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  test("an XPointer to any text becomes a CFI to the same text, and comes back to it", () => {
    fc.assert(
      fc.property(document, fc.nat(), fc.nat(), (source, which, where) => {
        const trees = treesOf(source);
        const shown = trees.crengine.texts.filter(({ start, end, parent }) => end > start && parent.visible);
        const node = shown[which % Math.max(1, shown.length)];
        if (node === undefined || trees.calibre === null) return;
        const offset = where % Array.from(node.text).length;
        const parsed = parseXpointer(pointerTo(node, 1, offset));
        if (parsed === null) throw new Error("not read again");
        const resolved = placeOfXpointer(trees.crengine, parsed);
        expect(resolved.exact).toBe(true);
        const ordinal = ordinalOf(resolved.place);
        const there = cfiOf(trees, 0, resolved);
        const cfi = parseCfi(there.position ?? "");
        if (cfi === null) throw new Error("no CFI");
        // Where blank text stands among blocks, crengine may number the texts behind it otherwise.
        expect(there.quality).toBe(node.nth <= node.parent.sureTexts ? "text" : "element");
        const found = placeOfCfi(trees.calibre, cfi);
        expect(found.exact).toBe(true);
        // A place at the end of a text and one at the beginning of the next are one CFI: then the later is meant.
        expect(ordinalOf(found.place)).toBe(ordinal);
        const back = xpointerOf(trees, 1, found);
        const again = parseXpointer(back.position ?? "");
        if (again === null) throw new Error("no pointer back");
        const home = placeOfXpointer(trees.crengine, again);
        expect(home.exact).toBe(true);
        // Ruby, formulas and preformatted text are pointed at as a whole: never behind the place.
        const isWhole = back.quality === "element" && ordinalOf(home.place) <= ordinal;
        expect(isWhole || ordinalOf(home.place) === ordinal).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("on anything at all", () => {
  test("nothing throws, and what comes out says how sure it is", () => {
    fc.assert(
      fc.property(broken, fc.nat(), (source, which) => {
        const trees = treesOf(source);
        const node = trees.crengine.texts[which % Math.max(1, trees.crengine.texts.length)];
        // Blank text that crengine drops is told of, but has no pointer.
        if (node === undefined || !node.parent.children.includes(node)) return;
        const parsed = parseXpointer(pointerTo(node, 1, 0));
        if (parsed === null) throw new Error("not read again");
        const there = cfiOf(trees, 0, placeOfXpointer(trees.crengine, parsed));
        expect(["text", "element", "fragment"]).toContain(there.quality);
        const cfi = parseCfi(there.position ?? "");
        expect(cfi).not.toBeNull();
        if (cfi === null || trees.calibre === null || there.quality !== "text") return;
        const from = ordinalOf(placeOfXpointer(trees.crengine, parsed).place);
        const to = ordinalOf(placeOfCfi(trees.calibre, cfi).place);
        const here = charactersFrom(trees.crengine, from, 12);
        const beyond = charactersFrom(trees.calibre, to, 12);
        // Near an end, or where a tree has dropped what follows, there may be less to compare.
        expect(here.startsWith(beyond.slice(0, here.length)) || beyond.startsWith(here.slice(0, beyond.length))).toBe(
          true,
        );
        const back = xpointerOf(trees, 1, placeOfCfi(trees.calibre, cfi));
        expect(["text", "element", "fragment"]).toContain(back.quality);
        expect(parseXpointer(back.position ?? "")).not.toBeNull();
      }),
      { numRuns: 1000 },
    );
  });

  test("no text is a pointer that hangs or throws", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: "binary" }), (text) => {
        expect(() => [
          parseXpointer(text),
          parseXpointer(`/${text}`),
          parseCfi(text),
          parseCfi(`epubcfi(/${text})`),
        ]).not.toThrow();
      }),
    );
  });
});
