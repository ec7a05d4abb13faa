import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ZipFile } from "yazl";
import { openBookText } from "../src/app/book/text.ts";
import { convertPosition, convertPositions } from "../src/app/book/convert.ts";
import { crengineTree } from "../src/core/position/crengine-tree.ts";
import { openBookArchive } from "../src/io/books/epub.ts";

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SENTENCES = [
  "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: ",
  "once or twice she had <i>peeped</i> into the book her sister was reading, but it had no pictures &amp; no talk; ",
  "“and what is the use of a book,” thought <b>Alice</b> “without pictures or conversations?” ",
  "So she was considering in her own mind (as well as she could, for the hot day made her feel very sleepy&#8230;) ",
];

/** A paragraph of about 500 characters that is unlike its neighbours. */
function paragraph(at: number): string {
  const sentences = Array.from({ length: 5 }, (_, one) => SENTENCES[(at * 7 + one * 3) % SENTENCES.length]);
  return `<p class="indent" id="p${at}">${at} ${sentences.join("")}</p>\n`;
}

/** An EPUB of `chapters` chapters of `paragraphs` paragraphs each. */
async function makeBook(
  name: string,
  chapters: number,
  paragraphs: number,
): Promise<{ path: string; names: string[] }> {
  const zip = new ZipFile();
  const names = Array.from({ length: chapters }, (_, at) => `c${at}.xhtml`);
  const items = names.map((file, at) => `<item id="c${at}" href="${file}" media-type="application/xhtml+xml"/>`);
  const refs = names.map((_, at) => `<itemref idref="c${at}"/>`);
  const opf = `<package version="3.0"><manifest>${items.join("")}</manifest><spine>${refs.join("")}</spine></package>`;
  const container = '<container><rootfiles><rootfile full-path="content.opf"/></rootfiles></container>';
  zip.addBuffer(Buffer.from("application/epub+zip"), "mimetype", { compress: false });
  zip.addBuffer(Buffer.from(container), "META-INF/container.xml");
  zip.addBuffer(Buffer.from(opf), "content.opf");
  zip.addBuffer(Buffer.from("p.indent { text-indent: 1em } .hidden { display: none }"), "style.css");
  for (const [at, file] of names.entries()) {
    const text = Array.from({ length: paragraphs }, (_, one) => paragraph(at * paragraphs + one)).join("");
    const head = '<head><title>T</title><link rel="stylesheet" href="style.css"/></head>';
    const source = `<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml">${head}<body>${text}</body></html>`;
    zip.addBuffer(Buffer.from(source), file);
  }
  zip.end();
  const path = join(folder, `${name}.epub`);
  await pipeline(zip.outputStream, createWriteStream(path));
  return { path, names };
}

/** The floor: a fresh archive, and these files unzipped and read as crengine reads them. */
async function unzipAndRead(path: string, names: readonly string[]): Promise<void> {
  const archive = await openBookArchive(path);
  for (const name of names) crengineTree(await archive.read(name), { name, mediaType: "", id: "" });
  await archive.close();
}

async function convertAll(
  path: string,
  positions: readonly string[],
  to: "cfi" | "xpointer",
  exactShare: boolean,
): Promise<void> {
  const book = await openBookText(path, openBookArchive);
  const all =
    exactShare && positions.length > 1
      ? await convertPositions(book, positions, to)
      : [await convertPosition(book, positions[0] ?? "", to, { exactShare })];
  for (const { in: position, quality } of all) if (quality !== "text") throw new Error(`${position} became ${quality}`);
  await book.close();
}

/** Median milliseconds of two jobs that take turns, so that both see the same machine. */
async function measure(
  rounds: number,
  one: () => Promise<void>,
  other: () => Promise<void>,
): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let round = -Math.ceil(rounds / 4); round < rounds; round += 1) {
    for (const [index, job] of [one, other].entries()) {
      const began = performance.now();
      await job();
      if (round >= 0) times[index === 0 ? 0 : 1].push(performance.now() - began);
    }
  }
  const [first, second] = times.map((all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0);
  return [first ?? 0, second ?? 0];
}

function report(what: string, floor: number, ours: number): number {
  const ratio = ours / floor;
  console.log(`${what}: ${ours.toFixed(2)} ms, floor ${floor.toFixed(2)} ms, ratio ${ratio.toFixed(2)}`);
  return ratio;
}

function pointers(count: number, chapters: number, paragraphs: number): string[] {
  return Array.from({ length: count }, (_, at) => {
    const place = (at * 7919) % (chapters * paragraphs);
    const fragment = Math.floor(place / paragraphs) + 1;
    return `/body/DocFragment[${fragment}]/body/p[${(place % paragraphs) + 1}]/text()[1].${3 + (at % 20)}`;
  });
}

async function asCfi(path: string, positions: readonly string[]): Promise<string[]> {
  const book = await openBookText(path, openBookArchive);
  const said: string[] = [];
  for (const position of positions) said.push((await convertPosition(book, position, "cfi")).position ?? "");
  await book.close();
  return said;
}

describe("an EPUB of 1 MB of text", () => {
  let many: { path: string; names: string[] };
  let single: { path: string; names: string[] };
  beforeAll(async () => {
    many = await makeBook("many", 20, 100);
    single = await makeBook("single", 1, 2000);
  });

  test("one position, in one chapter of twenty", async () => {
    const [pointer] = pointers(1, 20, 100);
    const positions = [pointer ?? ""];
    const [cfi] = await asCfi(many.path, positions);
    const floor = (): Promise<void> => unzipAndRead(many.path, many.names.slice(0, 1));
    const [a, there] = await measure(200, floor, () => convertAll(many.path, positions, "cfi", false));
    const [b, back] = await measure(200, floor, () => convertAll(many.path, [cfi ?? ""], "xpointer", false));
    expect(report("XPointer -> CFI, 1 of 20 chapters", a, there)).toBeLessThan(2);
    expect(report("CFI -> XPointer, 1 of 20 chapters", b, back)).toBeLessThan(2);
  });

  test("one position, in a book of one chapter", async () => {
    const positions = pointers(1, 1, 2000);
    const [a, there] = await measure(
      30,
      () => unzipAndRead(single.path, single.names),
      () => convertAll(single.path, positions, "cfi", true),
    );
    expect(report("XPointer -> CFI, one chapter of 1 MB", a, there)).toBeLessThan(2);
  });

  test("one position with the exact share, against the whole book", async () => {
    const [a, exact] = await measure(
      30,
      () => unzipAndRead(many.path, many.names),
      () => convertAll(many.path, pointers(1, 20, 100), "cfi", true),
    );
    expect(report("XPointer -> CFI with the exact share", a, exact)).toBeLessThan(2);
  });

  test("1,000 positions of one book", async () => {
    const positions = pointers(1000, 20, 100);
    const cfis = await asCfi(many.path, positions);
    const floor = (): Promise<void> => unzipAndRead(many.path, many.names);
    const [a, there] = await measure(15, floor, () => convertAll(many.path, positions, "cfi", true));
    const [b, back] = await measure(15, floor, () => convertAll(many.path, cfis, "xpointer", true));
    expect(report("1,000 XPointers -> CFI", a, there)).toBeLessThan(3);
    expect(report("1,000 CFIs -> XPointer", b, back)).toBeLessThan(3);
  });
});

describe("growth", () => {
  test("a book eight times as long takes about eight times as long, also in one paragraph or one broken file", async () => {
    const shapes: Readonly<Record<string, (size: number) => string>> = {
      paragraphs: (size) => Array.from({ length: size }, (_, at) => paragraph(at)).join(""),
      "one text": (size) => `<p>${"word after word ".repeat(size * 30)}</p>`,
      "one preformatted text": (size) => `<pre>${"line after line\n".repeat(size * 30)}</pre>`,
      siblings: (size) => "<b>a</b> ".repeat(size * 20),
      "unmatched closes": (size) => `${"<div>".repeat(300)}${"</p>x</i>".repeat(size * 20)}`,
      ampersands: (size) => "&amp; & &x; &#8212; ".repeat(size * 20),
      brackets: (size) => "< <! <? </ ]]> > ".repeat(size * 20),
    };
    const { calibreTree } = await import("../src/core/position/calibre-tree.ts");
    for (const [name, shape] of Object.entries(shapes)) {
      const sources = [200, 1600].map(
        (size) => `<html xmlns="http://www.w3.org/1999/xhtml"><head/><body>${shape(size)}</body></html>`,
      );
      const jobs = sources.map((source) => async () => {
        crengineTree(source, { name: "", mediaType: "", id: "" });
        calibreTree(source);
      });
      const [small, large] = jobs;
      if (small === undefined || large === undefined) throw new Error("two sizes");
      const [a, b] = await measure(9, small, large);
      expect(report(`eight times as much: ${name}`, a, b)).toBeLessThan(24);
    }
  });

  test("memory stays bounded in a book much larger than what is kept", async () => {
    const { path } = await makeBook("huge", 60, 2000);
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    const book = await openBookText(path, openBookArchive);
    let most = 0;
    for (let fragment = 1; fragment <= 60; fragment += 1) {
      const pointer = `/body/DocFragment[${fragment}]/body/p[7]/text()[1].5`;
      const { quality } = await convertPosition(book, pointer, "cfi", { exactShare: false });
      expect(quality).toBe("text");
      most = Math.max(most, process.memoryUsage().heapUsed - before);
    }
    await book.close();
    console.log(`60 chapters of 1 MB: at most ${(most / 1e6).toFixed(0)} MB of heap`);
    expect(most).toBeLessThan(400e6);
  });
});
