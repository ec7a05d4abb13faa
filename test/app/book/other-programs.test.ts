import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convertPositions, describePosition } from "../../../src/app/book/convert.ts";
import { temporaryFolder, writeEpub, writeZip, xhtml } from "../../support/positions.ts";
import { convert, withBook } from "../../support/converting.ts";

const folder = temporaryFolder();

const NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight"];

/** Nine chapters; the text of each names it. */
const chapters = NUMBERS.map((number, at) => ({
  name: `${number}.xhtml`,
  content: xhtml(
    `\n<h1 id="title">Chapter ${number}</h1>\n<p id="p${at}">It was <i>here<!-- note -->by</i> that ${number} began, a long way on.</p>\n` +
      `<p><a name="anchor${at}"></a>Behind it ${number} went on.</p>\n`,
  ),
}));
const plain = writeEpub(join(folder, "nine.epub"), chapters);

/** A package of another order, with ids on its itemrefs and one itemref that leads nowhere. */
const odd = writeZip(join(folder, "odd.epub"), {
  mimetype: "application/epub+zip",
  "META-INF/container.xml":
    '<container><rootfiles><rootfile full-path="content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
  "content.opf": `<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/><collection/><manifest>${chapters
    .map(({ name }, at) => `<item id="c${at}" href="${name}" media-type="application/xhtml+xml"/>`)
    .join("")}</manifest><spine><itemref idref="gone"/>${chapters
    .map((_, at) => `<itemref id="ref${at}" idref="c${at}" linear="${at === 2 ? "no" : "yes"}"/>`)
    .join("")}</spine></package>`,
  ...Object.fromEntries(chapters.map(({ name, content }) => [name, content])),
});

describe("a CFI of the EPUB standard, as web readers and other apps write it", () => {
  test.each([
    [
      "counts the spine's items, not calibre's",
      "epubcfi(/6/14!/4/4/1:3)",
      "/body/DocFragment[7]/body/p[1]/text()[1].3",
    ],
    ["may lack its wrapping", "/6/14!/4/4/1:3", "/body/DocFragment[7]/body/p[1]/text()[1].3"],
    ["counts texts between elements", "epubcfi(/6/4!/4/4/3:6)", "/body/DocFragment[2]/body/p[1]/text()[2].6"],
    ["counts through a comment", "epubcfi(/6/4!/4/4/2/1:5)", "/body/DocFragment[2]/body/p[1]/i[1]/text()[2].1"],
    ["of a range: where it begins", "epubcfi(/6/4!/4/4,/1:3,/3:9)", "/body/DocFragment[2]/body/p[1]/text()[1].3"],
    ["of a range over two files", "epubcfi(/6,/4!/4/4/1:3,/6!/4/2/1:0)", "/body/DocFragment[2]/body/p[1]/text()[1].3"],
    ["with assertions", "epubcfi(/6/4[c1]!/4/4[p1]/1:3[It,was])", "/body/DocFragment[2]/body/p[1]/text()[1].3"],
    ["with a side", "epubcfi(/6/4!/4/4/1:3[;s=a])", "/body/DocFragment[2]/body/p[1]/text()[1].3"],
    ["whose id says more than its number", "epubcfi(/6/4!/4/6[p1]/1:3)", "/body/DocFragment[2]/body/p[1]/text()[1].3"],
    ["whose item moved in the spine", "epubcfi(/6/2[c1]!/4/4/1:3)", "/body/DocFragment[2]/body/p[1]/text()[1].3"],
  ])("%s", async (_, cfi, pointer) => {
    expect(await convert(await plain, cfi, "xpointer")).toMatchObject({ position: pointer, quality: "text" });
    const there = await convert(await plain, cfi, "cfi");
    expect(there.quality).toBe("text");
    expect((await convert(await plain, there.position ?? "", "xpointer")).position).toBe(pointer);
  });

  test.each([
    ["an element", "epubcfi(/6/4!/4/4)", "/body/DocFragment[2]/body/p[1]", "element"],
    [
      "the text before an element that comes first",
      "epubcfi(/6/4!/4/6/1:0)",
      "/body/DocFragment[2]/body/p[2]/a[1]",
      "element",
    ],
    ["a file", "epubcfi(/6/4!)", "/body/DocFragment[2].0", "fragment"],
    ["a file without more", "epubcfi(/6/4)", "/body/DocFragment[2].0", "fragment"],
    ["a body", "epubcfi(/6/4!/4)", "/body/DocFragment[2].0", "fragment"],
    ["an offset behind its text", "epubcfi(/6/4!/4/4/1:300)", "/body/DocFragment[2]/body/p[1]", "element"],
    ["a step that leads nowhere", "epubcfi(/6/4!/4/4/40/1:3)", "/body/DocFragment[2]/body/p[1]", "fragment"],
    ["an id that is nowhere", "epubcfi(/6/4!/4/4[other]/1:3)", "/body/DocFragment[2].0", "fragment"],
    ["another text than it says", "epubcfi(/6/4!/4/4/1:3[She,had])", "/body/DocFragment[2]/body/p[1]", "fragment"],
    ["a head", "epubcfi(/6/4!/2/2/1:0)", "/body/DocFragment[2].0", "fragment"],
    ["a frame in an element", "epubcfi(/6/4!/4/4!/4/2)", "/body/DocFragment[2]/body/p[1]", "fragment"],
  ])("that names %s is no more than that", async (_, cfi, pointer, quality) => {
    expect(await convert(await plain, cfi, "xpointer")).toMatchObject({ position: pointer, quality });
  });

  test.each([
    ["a number that the spine has not", "epubcfi(/6/40!/4/4/1:3)"],
    ["an item of another book", "epubcfi(/6/4[chapter_1]!/4/4/1:3)"],
    ["another part of the package", "epubcfi(/4/4!/4/4/1:3)"],
    ["a text of the package", "epubcfi(/6/3!/4/4/1:3)"],
    ["too short a path", "epubcfi(/6!/4/4/1:3)"],
  ])("of %s is nowhere, and says so", async (_, cfi) => {
    expect(await convert(await plain, cfi, "xpointer")).toMatchObject({ position: null, quality: "percent", text: "" });
    expect(await convert(await plain, cfi, "cfi")).toMatchObject({ position: null, quality: "percent", text: "" });
  });

  test("follows the package's own order and the ids of its itemrefs", async () => {
    const pointer = "/body/DocFragment[2]/body/p[1]/text()[1].3";
    for (const cfi of ["epubcfi(/8/6!/4/4/1:3)", "epubcfi(/6/6!/4/4/1:3)", "epubcfi(/8/4[ref1]!/4/4/1:3)"]) {
      expect(await convert(await odd, cfi, "xpointer")).toMatchObject({ position: pointer, quality: "text" });
    }
    // The third file is not linear: calibre's viewer shows it last.
    expect((await convert(await odd, "epubcfi(/8/8!/4/4/1:3)", "cfi")).position).toBe("epubcfi(/18/2/4/4[p2]/1:3)");
    // The first itemref leads nowhere.
    expect((await convert(await odd, "epubcfi(/8/2!/4/4/1:3)", "xpointer")).position).toBeNull();
  });

  test("counts a body without a head before it as the first element", async () => {
    const content = '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>It was here.</p></body></html>';
    const path = await writeEpub(join(folder, "headless.epub"), [{ name: "a.xhtml", content }]);
    const pointer = "/body/DocFragment[1]/body/p[1]/text()[1].3";
    expect(await convert(path, "epubcfi(/6/2!/2/2/1:3)", "xpointer")).toMatchObject({
      position: pointer,
      quality: "text",
    });
    expect(await convert(path, "epubcfi(/6/2!/4/2/1:3)", "xpointer")).toMatchObject({ quality: "fragment" });
  });

  test("calibre's own dialect means what it always did", async () => {
    const said = await convert(await plain, "epubcfi(/6/2/4/4/1:3)", "xpointer");
    expect(said).toMatchObject({ position: "/body/DocFragment[3]/body/p[1]/text()[1].3", quality: "text" });
  });
});

describe("where a link led to, in KOReader's own words", () => {
  test.each([
    ["an id", "#_doc_fragment_4_ p4", "/body/DocFragment[5]/body/p[1]", "element"],
    ["an id behind an encoded blank", "#_doc_fragment_4_%20p4", "/body/DocFragment[5]/body/p[1]", "element"],
    ["the name of an anchor", "#_doc_fragment_4_ anchor4", "/body/DocFragment[5]/body/p[2]/a[1]", "element"],
    ["a file", "#_doc_fragment_4", "/body/DocFragment[5].0", "fragment"],
    ["no id at all", "#_doc_fragment_4_ ", "/body/DocFragment[5].0", "fragment"],
    ["an id that is gone: its file", "#_doc_fragment_4_ elsewhere", "/body/DocFragment[5].0", "fragment"],
  ])("%s", async (_, link, pointer, quality) => {
    expect(await convert(await plain, link, "xpointer")).toMatchObject({ position: pointer, quality });
  });

  test("becomes a place of calibre's viewer and a place in words", async () => {
    const link = "#_doc_fragment_4_ p4";
    expect(await convert(await plain, link, "cfi")).toMatchObject({
      position: "epubcfi(/10/2/4/4[p4])",
      quality: "element",
    });
    expect((await convert(await plain, link, "words")).position).toBe(
      "Chapter four: It was hereby that four began, a long way on.",
    );
    expect(await withBook(await plain, (book) => describePosition(book, link))).toMatchObject({
      kind: "xpointer",
      fragment: 5,
      file: "OEBPS/four.xhtml",
    });
  });

  test.each(["#_doc_fragment_40_ p4", "#_doc_fragment_", "#_doc_fragment_x", "#p4", "#_doc_fragment_4x"])(
    "%s is nowhere",
    async (link) => {
      expect(await convert(await plain, link, "cfi")).toMatchObject({ position: null, quality: "percent" });
    },
  );

  test("of two elements with one id it is the last, as in KOReader", async () => {
    const content = xhtml('<p id="x">First.</p><p id="x">Second.</p>');
    const path = await writeEpub(join(folder, "twice.epub"), [{ name: "a.xhtml", content }]);
    expect((await convert(path, "#_doc_fragment_0_ x", "xpointer")).position).toBe("/body/DocFragment[1]/body/p[2]");
  });
});

describe("what other servers put in place of a pointer", () => {
  test.each([
    ["the beginning of a file", "/body/DocFragment[3].0", "/body/DocFragment[3].0", "fragment"],
    ["a file and its body", "/body/DocFragment[3]/body", "/body/DocFragment[3].0", "fragment"],
    ["a coarse element", "/body/DocFragment[3]/body/p[1].0", "/body/DocFragment[3]/body/p[1]", "element"],
    ["an element that was made up", "/body/DocFragment[3]/body/p[110]", "/body/DocFragment[3].0", "fragment"],
    [
      "a text that was made up",
      "/body/DocFragment[3]/body/p[1]/span/text().3",
      "/body/DocFragment[3]/body/p[1]",
      "fragment",
    ],
    ["no file", "/body/DocFragment[0].0", null, "percent"],
  ])("%s", async (_, pointer, position, quality) => {
    expect(await convert(await plain, pointer, "xpointer")).toMatchObject({ position, quality });
  });
});

test("positions of every kind, asked for together, come back in their order", async () => {
  const asked = [
    "epubcfi(/6/14!/4/4/1:3)",
    "#_doc_fragment_1_ p1",
    "/body/DocFragment[4]/body/p[1]",
    "epubcfi(/2/2/4/4/1:3)",
  ];
  const said = await withBook(await plain, (book) => convertPositions(book, asked, "xpointer"));
  expect(said.map(({ position }) => position)).toEqual([
    "/body/DocFragment[7]/body/p[1]/text()[1].3",
    "/body/DocFragment[2]/body/p[1]",
    "/body/DocFragment[4]/body/p[1]",
    "/body/DocFragment[1]/body/p[1]/text()[1].3",
  ]);
});
