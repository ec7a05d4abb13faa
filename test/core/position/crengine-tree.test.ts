import { describe, expect, test } from "vitest";
import { followSteps } from "../../../src/core/position/crengine-pointer.ts";
import { crengineTree } from "../../../src/core/position/crengine-tree.ts";
import { styleFrom } from "../../../src/core/position/stylesheet.ts";
import { DEEPEST, TreeRefused } from "../../../src/core/position/tree.ts";
import { parseXpointer } from "../../../src/core/position/xpointer.ts";
import { shapeOf } from "../../support/tree-shape.ts";

const ITEM = { name: "a.xhtml", mediaType: "application/xhtml+xml", id: "a" };

function bodyOf(source: string, css: string[] = []): string {
  const tree = crengineTree(source, ITEM, styleFrom(css));
  const body = tree.root.children.find((child) => child.kind === "element" && child.name === "body");
  return body?.kind === "element" ? shapeOf(body) : "";
}

function body(inner: string, css: string[] = []): string {
  return bodyOf(`<html><head><title>x</title></head><body>${inner}</body></html>`, css);
}

describe("no HTML is repaired", () => {
  test.each([
    ["unclosed paragraphs nest", "<p>a<p>b</p>c", 'body(p("a" p("b") "c"))'],
    ["an unclosed br swallows what follows", "<p>a<br>b</p>", 'body(p("a" br("b")))'],
    ["a close tag closes up to its match", "<div><p>a<b>c</div>d", 'body(div(p("a" b("c"))) "d")'],
    ["an unmatched close tag is ignored", "<p>a</i>b</p>", 'body(p("a" "b"))'],
    ["an empty tag is empty, also where HTML knows none", '<p><a id="x"/>b</p>', 'body(p(a() "b"))'],
    ["tables get no tbody", "<table><tr><td>a</td></tr></table>", 'body(table(tr(td("a"))))'],
    ["a tag with a tab behind its name is lost", '<p>a<b\tid="x">c</b></p>', 'body(p("a" "c"))'],
    ["a > ends a tag even in quotes", '<p title="a>b">c</p>', String.raw`body(p("b\">c"))`],
    ["processing instructions are elements", "<p>a<?break?>b</p>", 'body(p("a" ?break() "b"))'],
    ["a < that begins no tag takes all to the next >", "<p>1 < 2 and <b>x</b></p>", 'body(p("1 " "x"))'],
    ["names lose case and prefix", "<P>a<epub:switch>b</epub:switch></P>", 'body(p("a" switch("b")))'],
    ["svg keeps its case", "<svg><linearGradient/></svg>", "body(svg(linearGradient()))"],
    [
      "a script is not read for tags",
      "<p>a</p><script>if (a<b) '<p>'</script><p>b</p>",
      `body(p("a") script("if (a<b) '<p>'") p("b"))`,
    ],
  ])("%s", (_, source, expected) => {
    expect(body(source)).toBe(expected);
  });
});

describe("text", () => {
  test.each([
    ["runs of whitespace become one space", "<p>a \t\r\n b</p>", '"a b"'],
    ["a no-break space stays", "<p>a \u00A0 b</p>", '"a \u00A0 b"'],
    ["entities are decoded", "<p>&amp;&lt;&eacute;&#8212;&#x2014;&hellip;</p>", '"&<é——…"'],
    ["numbers of Windows-1252 mean its characters", "<p>&#147;a&#148;</p>", '"“a”"'],
    ["a space from a reference is not collapsed", "<p>a &#32; b</p>", '"a   b"'],
    ["an unknown entity stays", "<p>&unknown; &T;</p>", '"&unknown; &T;"'],
    ["a known name may end in a space, which goes", "<p>a &amp b</p>", '"a &b"'],
    ["a bare ampersand goes with the character behind it", "<p>A & B &😀C</p>", '"A B C"'],
  ])("%s", (_, source, expected) => {
    expect(body(source)).toBe(`body(p(${expected}))`);
  });

  test("comments and CDATA cut a text into nodes, and CDATA is not decoded", () => {
    expect(body("<p>a<!-- c -->b<![CDATA[<&amp;>]]>d</p>")).toBe('body(p("a" "b" "<&amp;>" "d"))');
  });

  test("a long text is cut at the last space before 8,192 raw characters, each astral one counted once", () => {
    const tree = crengineTree(`<html><body><p>${"𝒳bcdefghi ".repeat(1000)}</p></body></html>`, ITEM);
    expect(tree.texts.map(({ text }) => Array.from(text).length)).toEqual([8190, 1810]);
    const endless = crengineTree(`<html><body><p>${"字".repeat(10_000)}</p></body></html>`, ITEM);
    expect(endless.texts.map(({ text }) => text.length)).toEqual([8192, 1808]);
  });

  test("preformatted text keeps its whitespace, loses one leading line break and gets its tabs expanded", () => {
    const source = "<pre>\nline1\r\n  line2\ttabbed</pre>";
    expect(body(source)).toBe(String.raw`body(pre("line1\n  line2        tabbed"))`);
    const prewrap = body("<p>a\n\tb</p>", ["p { white-space: pre-wrap }"]);
    expect(prewrap).toBe(String.raw`body(p("a\n       b"))`);
  });

  test("tables hold no text, yet what stands there is counted", () => {
    const tree = crengineTree("<html><body><table>stray<tr><td>a</td></tr></table></body></html>", ITEM);
    expect(shapeOf(tree.root)).toBe('DocFragment(body(table(tr(td("a")))))');
    expect(tree.texts.map(({ start, end }) => [start, end])).toEqual([[5, 6]]);
  });
});

describe("blank text", () => {
  test.each([
    ["goes at the beginning of a block", "<p> <b>a</b></p>", 'body(p(b("a")))', ""],
    ["stays at the beginning of an inline element", "<p><b> <i>a</i></b></p>", 'body(p(b(" " i("a"))))', ""],
    ["stays between inline elements", "<p><b>a</b> <i>b</i> </p>", 'body(p(b("a") " " i("b") " "))', ""],
    ["goes between blocks", "<div><p>a</p> <p>b</p> </div>", 'body(div(p("a") p("b")))', ""],
    [
      "goes beside blocks, also next to text that stays",
      "<div>a <p>b</p> <i>c</i> <i>d</i> </div>",
      'body(div("a " p("b") i("c") " " i("d")))',
      "",
    ],
    [
      "stays between paragraphs that are shown inline",
      "<div>x<hr/><p>a</p> <p>b</p></div>",
      'body(div("x" hr() p("a") " " p("b")))',
      "p { display: inline }",
    ],
    [
      "goes between spans that are shown as blocks",
      "<div><span>a</span> <span>b</span></div>",
      'body(div(span("a") span("b")))',
      "span { display: block }",
    ],
    [
      "goes between blocks of preformatted text too",
      "<div><p>a</p>\n<p>b</p>\ntail</div>",
      String.raw`body(div(p("a") p("b") "\ntail"))`,
      "div { white-space: pre }",
    ],
    [
      "goes beside floats that have nothing else around them",
      '<div><img src="a"/> <img src="b"/> </div>',
      "body(div(img() img()))",
      "img { float: left }",
    ],
  ])("%s", (_, source, expected, css) => {
    expect(body(source, [css])).toBe(expected);
  });
});

describe("a book's own styles", () => {
  const spans = "<div><span>a</span> <span>b</span></div>";
  const kept = 'body(div(span("a") " " span("b")))';
  const gone = 'body(div(span("a") span("b")))';
  test.each([
    [
      "an important declaration outlasts a later one",
      "span { display: block !important } span { display: inline }",
      gone,
    ],
    ["a value that crengine does not know says nothing", "span { display: block; display: flex }", gone],
    ["what is inherited is inline: crengine inherits no display", "span { display: block; display: inherit }", kept],
    ["a run-in is inline", "span { display: run-in }", kept],
    ["a float is a block", "span { float: left }", gone],
  ])("%s", (_, css, expected) => {
    expect(body(spans, [css])).toBe(expected);
  });

  test("a line break is inline, whatever it is said to be", () => {
    expect(body("<div>a<br/> <i>b</i></div>", ["br { display: block }"])).toBe('body(div("a" br() " " i("b")))');
  });

  test("white space is inherited, and what crengine does not know of it says nothing", () => {
    const poem = "<div><p>a  b</p></div>";
    const kept2 = 'body(div(p("a  b")))';
    expect(body(poem, ["div { white-space: pre } p { white-space: inherit }"])).toBe(kept2);
    expect(body(poem, ["p { white-space: pre; white-space: tidy }"])).toBe(kept2);
    expect(body(poem, ["div { white-space: pre } p { white-space: normal }"])).toBe('body(div(p("a b")))');
  });
});

describe("what cannot be read is what crengine makes of it", () => {
  test("a missing file is a message", () => {
    const tree = crengineTree(null, ITEM);
    expect(tree.texts[0]?.text).toBe("Failed handling EPUB spine item 'a.xhtml' (application/xhtml+xml, a).");
  });

  test("an SVG is wrapped", () => {
    const svg = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><text>t</text></svg>';
    expect(bodyOf(svg)).toBe('body(autoboxing(?xml() svg(text("t"))))');
  });

  test("style sheets in the head come before the body and do not count", () => {
    const head = '<link rel="stylesheet" href="a.css"/><link rel="stylesheet" href="b.css"/><style>p { }</style>';
    const tree = crengineTree(`<html><head>${head}</head><body>x</body></html>`, ITEM);
    expect(shapeOf(tree.root)).toBe(String.raw`DocFragment(stylesheet("@import url(\"b.css\");\np { }") body("x"))`);
    expect(tree.texts[0]?.start).toBe(0);
  });

  test("absurd nesting is refused by name", () => {
    const deep = `<html><body>${"<div>".repeat(DEEPEST + 10)}</body></html>`;
    expect(() => crengineTree(deep, ITEM)).toThrow(new TreeRefused("too_deep"));
  });
});

describe("following a pointer", () => {
  const tree = crengineTree("<html><body><p>a</p><p>b<i>c</i>d</p></body></html>", ITEM);
  test.each([
    ["/body/DocFragment[1]/body/p[2]/text()[2]", '"d"', true],
    ["/body/DocFragment[1]/body/p/text()", '"a"', true],
    ["/body/DocFragment[1]/body/2/1", '"b"', true],
    ["/body/DocFragment[1]/body/p[2]/text()[3]", 'p("b" i("c") "d")', false],
    ["/body/DocFragment[1]/body/p[3]/text()", 'body(p("a") p("b" i("c") "d"))', false],
  ])("%s", (pointer, expected, exact) => {
    const found = followSteps(tree, parseXpointer(pointer)?.steps ?? []);
    expect(found.exact).toBe(exact);
    expect(found.node.kind === "text" ? JSON.stringify(found.node.text) : shapeOf(found.node)).toBe(expected);
  });
});
