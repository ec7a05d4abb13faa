import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { describePosition } from "../../../src/app/book/convert.ts";
import { exchangePosition, textKeys } from "../../../src/app/book/exchange.ts";
import { wordsAtPosition } from "../../../src/app/book/words.ts";
import { parseShare } from "../../../src/app/book/resolve.ts";
import { evidence, temporaryFolder, writeEpub, writeZip, xhtml } from "../../support/positions.ts";
import { convert, withBook } from "../../support/converting.ts";

const folder = temporaryFolder();

const SENTENCE = "Alice was beginning to get very tired of sitting by her sister on the bank.";

describe("a pointer that does not quite fit", () => {
  const book = writeEpub(join(folder, "fit.epub"), [
    { name: "a.xhtml", content: xhtml(`<p>${SENTENCE}</p><p>And of <i>having</i> nothing to do.</p>`) },
    { name: "image.xhtml", content: xhtml('<div><img src="x.png"/></div>') },
    { name: "hidden.xhtml", content: xhtml('<p>seen</p><p style="display:none">not seen</p>') },
  ]);
  test.each([
    [
      "names the exact character",
      "/body/DocFragment[1]/body/p[2]/i/text().3",
      "epubcfi(/2/2/4/4/2/1:3)",
      "text",
      0.0409,
    ],
    ["names an element", "/body/DocFragment[1]/body/p[2]", "epubcfi(/2/2/4/4)", "element", 0.0382],
    [
      "goes beyond the end of its text",
      "/body/DocFragment[1]/body/p[2]/i/text().30",
      "epubcfi(/2/2/4/4/2)",
      "element",
      0.0391,
    ],
    [
      "names a node that is gone: its ancestor",
      "/body/DocFragment[1]/body/p[2]/b[3]/text().3",
      "epubcfi(/2/2/4/4)",
      "fragment",
      0.0382,
    ],
    ["names an element that is gone: the file", "/body/DocFragment[1]/body/div[7]/p", "epubcfi(/2/2/4)", "fragment", 0],
    [
      "names a picture page: its body alone is sure",
      "/body/DocFragment[2]/body/div/img.0",
      "epubcfi(/4/2/4)",
      "fragment",
      0.0529,
    ],
    ["names a fragment that is gone: nothing", "/body/DocFragment[9]/body/p", null, "percent", -1],
  ])("%s", async (_, pointer, position, quality, percentage) => {
    const said = await convert(await book, pointer, "cfi");
    expect(said).toMatchObject({ in: pointer, position, quality });
    expect(Math.abs((said.percentage ?? -1) - percentage)).toBeLessThan(0.005);
  });

  test("a CFI into hidden text with nothing visible behind it becomes the last visible text", async () => {
    const said = await convert(await book, "epubcfi(/6/2/4/4/1:2)", "xpointer");
    expect(said).toMatchObject({ position: "/body/DocFragment[3]/body/p[1]/text()[1].0", quality: "element" });
  });

  test("a CFI into a file or place that is not there is nothing, or the nearest ancestor", async () => {
    expect(await convert(await book, "epubcfi(/20/2/4/2/1:3)", "xpointer")).toMatchObject({
      position: null,
      quality: "percent",
    });
    expect(await convert(await book, "epubcfi(/2/2/4/4/1:900)", "xpointer")).toMatchObject({
      position: "/body/DocFragment[1]/body/p[2]",
      quality: "element",
    });
  });

  test.each(["", "nonsense", "/", "epubcfi(", "12", "-5%", "140%"])("%j is nowhere", async (text) => {
    expect(await convert(await book, text, "cfi")).toMatchObject({
      position: null,
      percentage: null,
      quality: "percent",
    });
  });
});

test("in a broken file, where the two readers count apart, the same text is found near by", async () => {
  const paragraphs = Array.from({ length: 40 }, (_, at) => `<p>${at} AT & T, R & D &c; said number ${at * 7919}`).join(
    "",
  );
  const book = await writeEpub(join(folder, "broken.epub"), [{ name: "a.xhtml", content: xhtml(paragraphs) }]);
  const pointer = `/body/DocFragment[1]/body${"/p".repeat(31)}/text().11`;
  const there = await convert(book, pointer, "cfi");
  expect(there).toMatchObject({
    position: "epubcfi(/2/2/4/62/1:15)",
    // calibre's own parser was not asked: it may have built another tree.
    quality: "element",
    text: expect.stringMatching(/^D/),
  });
  const back = await convert(book, there.position ?? "", "xpointer");
  expect(back.position?.replaceAll("[1]", "")).toBe(pointer.replaceAll("[1]", ""));
});

test("styles that a sheet imports count, from wherever it lies, and a circle of imports ends", async () => {
  const head = '<link rel="stylesheet" href="css/a.css"/>';
  const content = xhtml('<p class="poem">one  two   three</p><p class="gone">hidden</p>', head);
  const book = await writeEpub(join(folder, "imports.epub"), [{ name: "a.xhtml", content }], {
    extra: {
      "OEBPS/css/a.css": '@charset "utf-8"; /* @import "none.css"; */ @import url(deep/b.css) all; p { margin: 0 }',
      "OEBPS/css/deep/b.css": "@import '../a.css'; .poem { white-space: pre-wrap } .gone { display: none }",
    },
  });
  const said = await convert(book, "/body/DocFragment[1]/body/p/text().11", "cfi");
  expect(said).toMatchObject({ position: "epubcfi(/2/2/4/2/1:11)", quality: "text", text: "three" });
});

test.each([
  ["is printed", 'media="print"', "element"],
  ["is shown by one kind of device", "media='amzn-kf8'", "element"],
  ["may be too narrow", 'media="screen and (min-width: 600px)"', "element"],
  ["is for screens", 'media="print, screen"', "text"],
  ["is for all", 'media="all"', "text"],
])("a sheet that is linked for a book that %s is as sure as that", async (what, media, quality) => {
  const content = xhtml(
    '<p class="poem">one  two   three</p>',
    `<!-- <link rel="stylesheet" href="not.css"/> --><link rel="stylesheet" href="a.css" ${media}/>`,
  );
  const book = await writeEpub(join(folder, `${what}.epub`), [{ name: "a.xhtml", content }], {
    extra: { "OEBPS/a.css": ".poem { white-space: pre-wrap }", "OEBPS/not.css": ".poem { display: none }" },
  });
  expect(await convert(book, "epubcfi(/2/2/4/2/1:11)", "xpointer")).toMatchObject({ quality });
});

describe("fragments of before 2024", () => {
  const chapters = [
    {
      name: "pic.svg",
      content: '<svg xmlns="http://www.w3.org/2000/svg"><text>x</text></svg>',
      mediaType: "image/svg+xml",
    },
    { name: "a.xhtml", content: xhtml(`<h1>One</h1><p>${SENTENCE}</p>`) },
    { name: "b.xhtml", content: xhtml("<h2>Two</h2><p>So she was considering in her own mind</p><p>x</p>") },
  ];
  test("count only where the present numbers do not resolve", async () => {
    const book = await writeEpub(join(folder, "old.epub"), chapters);
    const now = await convert(book, "/body/DocFragment[2]/body/p/text().6", "cfi");
    expect(now.position).toBe("epubcfi(/4/2/4/4/1:6)");
    const old = await convert(book, "/body/DocFragment[2]/body/p[2]/text().0", "cfi");
    expect(old).toMatchObject({ position: "epubcfi(/6/2/4/6/1:0)", quality: "text", text: "x" });
  });
});

describe("a share of the book", () => {
  test.each([
    ["42%", 0.42],
    [" 42.5 % ", 0.425],
    ["0,425", 0.425],
    ["1.0", 1],
    ["42", null],
    ["101%", null],
    ["1.5", null],
  ])("%j is %j", (text, share) => {
    expect(parseShare(text)).toBe(share);
  });

  test("becomes the block that begins last before it, and stays the share that was given", async () => {
    const paragraphs = Array.from({ length: 100 }, (_, at) => `<p>Paragraph ${1000 + at} of one hundred.</p>`).join("");
    const book = await writeEpub(join(folder, "share.epub"), [
      { name: "cover.xhtml", content: xhtml('<img src="a.png"/>') },
      { name: "a.xhtml", content: xhtml(paragraphs) },
      { name: "end.xhtml", content: xhtml('<img src="b.png"/>') },
    ]);
    expect(await convert(book, "0%", "xpointer")).toMatchObject({ position: "/body/DocFragment[1].0", percentage: 0 });
    expect(await convert(book, "50%", "xpointer")).toMatchObject({
      position: "/body/DocFragment[2]/body/p[51]",
      percentage: 0.5,
      quality: "percent",
      text: expect.stringMatching(/^Paragraph 1050 of one hundred\. Paragraph 1051/),
    });
    expect(await convert(book, "50%", "cfi")).toMatchObject({ position: "epubcfi(/4/2/4/102)", quality: "percent" });
    expect(await convert(book, "99.9%", "xpointer")).toMatchObject({ position: "/body/DocFragment[2]/body/p[100]" });
  });
});

describe("a place in words", () => {
  const nav = xhtml(
    '<nav epub:type="toc"><ol><li><a href="a.xhtml">Down the <i>Rabbit-Hole</i></a></li><li><a href="a.xhtml#pool">The Pool</a></li></ol></nav>',
  );
  const chapters = [
    {
      name: "a.xhtml",
      content: xhtml(`<h1>ONE</h1><p>First. ${SENTENCE} Last one.</p><h2 id="pool">TWO</h2><p>Curiouser!</p>`),
    },
    { name: "b.xhtml", content: xhtml("<p>No heading, no entry.</p>") },
  ];
  const book = writeEpub(join(folder, "words.epub"), chapters, {
    extra: { "OEBPS/nav.xhtml": nav },
    opf: '<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/></manifest>',
  });
  test.each([
    ["the entry of the file", "/body/DocFragment[1]/body/p[1]/text().20", "Down the Rabbit-Hole", SENTENCE],
    ["the entry of an anchor before the place", "/body/DocFragment[1]/body/p[2]/text().0", "The Pool", "Curiouser!"],
    ["the last entry of the files before", "/body/DocFragment[2]/body/p/text().4", "The Pool", "No heading, no entry."],
  ])("the chapter is %s", async (_, pointer, chapter, sentence) => {
    expect(await withBook(await book, (opened) => wordsAtPosition(opened, pointer))).toEqual({ chapter, sentence });
  });

  test("without a table of contents the heading before the place is the chapter", async () => {
    const bare = await writeEpub(join(folder, "bare.epub"), chapters);
    const words = await withBook(bare, (opened) => wordsAtPosition(opened, "/body/DocFragment[1]/body/p[2]/text().0"));
    expect(words).toEqual({ chapter: "TWO", sentence: "Curiouser!" });
    expect(await convert(bare, "/body/DocFragment[1]/body/p[2]/text().0", "words")).toMatchObject({
      position: "TWO: Curiouser!",
      quality: "text",
    });
  });

  test("a real book's NCX names the chapter", async () => {
    const words = await withBook(evidence("alice.epub"), (opened) =>
      wordsAtPosition(opened, "/body/DocFragment[9]/body/div/p[6]/text().5"),
    );
    expect(words?.chapter).toBe("CHAPTER VII. A Mad Tea-Party");
    expect(words?.sentence).toBe("“Then it wasn’t very civil of you to offer it,” said Alice angrily.");
  });
});

/** Sentences wrapped as Kobo does it. */
function kobo(text: string): string {
  return text
    .split(/(?<=\. )/)
    .map((sentence, at) => `<span class="koboSpan" id="kobo.1.${at + 1}">${sentence}</span>`)
    .join("");
}

describe("two copies of one text", () => {
  const text = `${SENTENCE} Once or twice she had peeped into the book. But it had no pictures.`;
  const plain = writeEpub(join(folder, "copy.epub"), [
    { name: "cover.xhtml", content: xhtml('<img src="x.png"/>') },
    { name: "a.xhtml", content: xhtml(`<h1>One</h1>\n<p>${text}</p>`) },
    { name: "b.xhtml", content: xhtml("<p>Another chapter altogether.</p>") },
  ]);
  const kepub = writeEpub(join(folder, "copy.kepub.epub"), [
    {
      name: "a.xhtml",
      content: xhtml(
        `<div id="book-columns"><div id="book-inner"><h1>${kobo("One")}</h1><p>${kobo(text)}</p></div></div>`,
      ),
    },
    { name: "b.xhtml", content: xhtml(`<p>${kobo("Another edition altogether.")}</p>`) },
  ]);

  test("exchange a place by its ordinal, whatever the number of the file", async () => {
    const there = await withBook(await plain, async (from) =>
      withBook(await kepub, (to) => exchangePosition(from, to, "/body/DocFragment[2]/body/p/text().82")),
    );
    const progress = "/body/DocFragment[1]/body/div[1]/div[1]/p[1]/span[2]/text()[1].6";
    expect(there).toEqual({ status: "exchanged", progress, quality: "text" });
    const back = await withBook(await kepub, async (from) =>
      withBook(await plain, (to) => exchangePosition(from, to, progress)),
    );
    expect(back).toEqual({
      status: "exchanged",
      progress: "/body/DocFragment[2]/body/p[1]/text()[1].82",
      quality: "text",
    });
  });

  test("have equal keys file by file, and exchange nothing where the text differs", async () => {
    const one = await withBook(await plain, textKeys);
    const other = await withBook(await kepub, textKeys);
    expect(one[0]).toBeNull();
    expect(one[1]).toBe(other[0]);
    expect(one[2]).not.toBe(other[1]);
    const result = await withBook(await plain, async (from) =>
      withBook(await kepub, (to) => exchangePosition(from, to, "/body/DocFragment[3]/body/p/text().3")),
    );
    expect(result).toEqual({ status: "percent_only", reason: "other_text" });
  });
});

/** An archive's word that something in it is encrypted in this way. */
function encryption(algorithm: string): Record<string, string> {
  return {
    "META-INF/encryption.xml": `<encryption><enc:EncryptedData xmlns:enc="e"><enc:EncryptionMethod Algorithm="${algorithm}"/></enc:EncryptedData></encryption>`,
  };
}

describe("other formats", () => {
  const body = `<section><title><p>One</p></title><p>${SENTENCE}</p></section><section><p>Second</p></section>`;
  const fb2 = `<?xml version="1.0"?><FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"><description><title-info><book-title>T</book-title></title-info></description><body>${body}</body><binary id="x">QUJD</binary></FictionBook>`;

  test("FB2, packed or not, is told by its own pointers, by shares and in words", async () => {
    const plain = join(folder, "book.fb2");
    writeFileSync(plain, fb2);
    const packed = await writeZip(join(folder, "book.fb2.zip"), { "book.fb2": fb2 });
    for (const path of [plain, packed]) {
      const said = await convert(path, "/FictionBook/body/section/p/text().6", "xpointer");
      expect(said).toMatchObject({ position: "/FictionBook[1]/body[1]/section[1]/p[1]/text()[1].6", quality: "text" });
      expect(said.text).toMatch(/^was beginning/);
      expect(await convert(path, "/FictionBook/body/section/p/text().6", "cfi")).toMatchObject({
        position: null,
        quality: "percent",
      });
      expect(await convert(path, "95%", "xpointer")).toMatchObject({
        position: "/FictionBook[1]/body[1]/section[2]/p[1]",
      });
      expect(await convert(path, "/FictionBook/body/section[1]/p/text().6", "words")).toMatchObject({
        position: `One: ${SENTENCE}`,
      });
    }
  });

  test("HTML is repaired as a browser would", async () => {
    const path = join(folder, "book.html");
    writeFileSync(path, `<title>T</title><p>One<p>${SENTENCE}<table><tr><td>cell</table>`);
    expect(await convert(path, "/html/body/p[2]/text().6", "xpointer")).toMatchObject({
      position: "/html[1]/body[1]/p[2]/text()[1].6",
      quality: "text",
    });
    expect(await convert(path, "/html/body/table/tbody/tr/td", "xpointer")).toMatchObject({
      quality: "element",
      text: "cell",
    });
  });

  test("pages are numbers, and their share is known where the file tells how many there are", async () => {
    const comic = await writeZip(join(folder, "comic.cbz"), {
      "1.jpg": "x",
      "2.jpg": "x",
      "3.png": "x",
      "info.xml": "x",
    });
    expect(await convert(comic, "2", "xpointer")).toMatchObject({
      position: "2",
      percentage: 0.6666,
      quality: "element",
    });
    expect(await convert(comic, "4", "xpointer")).toMatchObject({ position: null, quality: "percent" });
    const pdf = join(folder, "book.pdf");
    writeFileSync(pdf, "%PDF-1.4");
    expect(await convert(pdf, "12", "xpointer")).toMatchObject({
      position: "12",
      percentage: null,
      quality: "element",
    });
    expect(await convert(pdf, "12", "cfi")).toMatchObject({ position: null, quality: "percent" });
  });

  test("formats without any pointer have their share alone", async () => {
    const path = join(folder, "book.azw3");
    writeFileSync(path, "BOOKMOBI");
    expect(await convert(path, "40%", "xpointer")).toMatchObject({
      position: null,
      percentage: 0.4,
      quality: "percent",
    });
  });

  test("a protected book is told by its share alone; obfuscated fonts protect nothing", async () => {
    const chapters = [{ name: "a.xhtml", content: xhtml(`<p>${SENTENCE}</p>`) }];
    const locked = await writeEpub(join(folder, "locked.epub"), chapters, {
      extra: encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
    });
    const fonts = await writeEpub(join(folder, "fonts.epub"), chapters, {
      extra: encryption("http://www.idpf.org/2008/embedding"),
    });
    const pointer = "/body/DocFragment[1]/body/p/text().6";
    expect(await convert(locked, pointer, "cfi")).toMatchObject({ position: null, quality: "percent" });
    expect(await convert(locked, "40%", "xpointer")).toMatchObject({ position: null, percentage: 0.4 });
    expect(await convert(fonts, pointer, "cfi")).toMatchObject({ position: "epubcfi(/2/2/4/2/1:6)", quality: "text" });
  });
});

test("everything known of one position is told at once", async () => {
  const known = await withBook(evidence("alice.epub"), (book) =>
    describePosition(book, "epubcfi(/8/2/4/2[pgepubid00004]/8/1:17)"),
  );
  expect(known).toMatchObject({
    kind: "cfi",
    xpointer: "/body/DocFragment[4]/body/div[1]/div[1]/text()[3].0",
    cfi: "epubcfi(/8/2/4/2[pgepubid00004]/8/1:17)",
    quality: "text",
    fragment: 4,
    words: { chapter: "CHAPTER II. The Pool of Tears" },
  });
  expect(known.file).toMatch(/11-h-2\.htm\.html$/);
});
