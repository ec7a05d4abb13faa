import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openBookText } from "../../../src/app/book/text.ts";
import { convertPosition } from "../../../src/app/book/convert.ts";
import type { BookArchive } from "../../../src/app/ports.ts";
import { decodeText } from "../../../src/io/books/decode-text.ts";
import { LARGEST_ENTRY, openBookArchive } from "../../../src/io/books/epub.ts";
import { SyncError } from "../../../src/model/error.ts";
import { evidence, temporaryFolder, writeEpub, writeZip, xhtml } from "../../support/positions.ts";

const folder = temporaryFolder();

async function reasonOf(attempt: Promise<unknown>): Promise<unknown> {
  try {
    await attempt;
    return null;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return error.data["reason"];
  }
}

/** Writes another number over every field of four bytes that holds `from`: what a forged archive would say. */
function forge(path: string, from: number, to: number): void {
  const bytes = readFileSync(path);
  for (let at = 0; at + 4 <= bytes.length; at += 1) if (bytes.readUInt32LE(at) === from) bytes.writeUInt32LE(to, at);
  writeFileSync(path, bytes);
}

describe("a book file is read entry by entry", () => {
  test("converting a place reads the package, one chapter and its style sheets, and nothing else", async () => {
    const read: string[] = [];
    async function watched(path: string): Promise<BookArchive> {
      const archive = await openBookArchive(path);
      return { ...archive, read: (name) => (read.push(name), archive.read(name)) };
    }
    const book = await openBookText(evidence("alice.epub"), watched);
    const pointer = "/body/DocFragment[5]/body/div/p[3]/text().2";
    const said = await convertPosition(book, pointer, "cfi", { exactShare: false });
    await book.close();
    expect(said.quality).toBe("text");
    expect(read.map((name) => name.replace(/.*@/, ""))).toEqual([
      "META-INF/container.xml",
      "OEBPS/content.opf",
      "11-h-3.htm.html",
      "OEBPS/0.css",
      "OEBPS/1.css",
      "OEBPS/pgepub.css",
    ]);
  });

  test("what is no archive is one entry without a name", async () => {
    const path = join(folder, "plain.fb2");
    writeFileSync(path, "<FictionBook>x</FictionBook>");
    const archive = await openBookArchive(path);
    expect([...archive.names()]).toEqual([""]);
    expect(await archive.read("")).toBe("<FictionBook>x</FictionBook>");
    await archive.close();
  });
});

describe("what would harm is refused with a reason", () => {
  test("files that are not there, or no books", async () => {
    const text = join(folder, "text.epub");
    writeFileSync(text, "no zip at all");
    expect(await reasonOf(openBookArchive(join(folder, "none.epub")))).toBe("ENOENT");
    expect(await reasonOf(openBookArchive(folder))).toBe("EISDIR");
    expect(await reasonOf(openBookText(text, openBookArchive))).toBe("not_a_zip");
  });

  test("an archive cut short, one without a package, one without a spine", async () => {
    const path = await writeEpub(join(folder, "cut.epub"), [{ name: "a.xhtml", content: xhtml("a") }]);
    truncateSync(path, 300);
    expect(await reasonOf(openBookText(path, openBookArchive))).toBe("not_a_zip");
    const empty = await writeZip(join(folder, "empty.epub"), { mimetype: "application/epub+zip" });
    expect(await reasonOf(openBookText(empty, openBookArchive))).toBe("no_package");
    const spineless = await writeEpub(join(folder, "spineless.epub"), []);
    expect(await reasonOf(openBookText(spineless, openBookArchive))).toBe("empty_spine");
  });

  test("an entry that is not there, and one that says it is larger than 100 MB", async () => {
    const path = await writeZip(join(folder, "large.epub"), { a: "x".repeat(12_345) });
    forge(path, 12_345, LARGEST_ENTRY + 1);
    const archive = await openBookArchive(path);
    expect(await reasonOf(archive.read("b"))).toBe("no_entry");
    expect(await reasonOf(archive.read("a"))).toBe("entry_too_large");
    await archive.close();
  });

  test("an entry that is packed more tightly than text can be", async () => {
    const path = await writeZip(join(folder, "bomb.epub"), { a: new Uint8Array(40 * 1024 * 1024) });
    const archive = await openBookArchive(path);
    expect(await reasonOf(archive.read("a"))).toBe("zip_bomb");
    await archive.close();
  });

  test("an entry that unpacks to more than it says", async () => {
    const path = await writeZip(join(folder, "liar.epub"), { a: new Uint8Array(12_345) });
    forge(path, 12_345, 100);
    const archive = await openBookArchive(path);
    expect(await reasonOf(archive.read("a"))).toBe("damaged");
    await archive.close();
  });

  test("an entry whose bytes are damaged", async () => {
    const path = await writeZip(join(folder, "damaged.epub"), { a: "some text, long enough to be packed ".repeat(50) });
    const file = openSync(path, "r+");
    writeSync(file, Buffer.from([0xff, 0xff, 0xff, 0xff]), 0, 4, 40);
    closeSync(file);
    const archive = await openBookArchive(path);
    expect(await reasonOf(archive.read("a"))).toBe("damaged");
    await archive.close();
  });

  test("a chapter that is refused leaves the others, and its own places only their share", async () => {
    const path = await writeEpub(join(folder, "deep.epub"), [
      { name: "a.xhtml", content: xhtml("<p>Down the rabbit-hole she went</p>") },
      { name: "b.xhtml", content: xhtml("<div>".repeat(100_000)) },
    ]);
    const book = await openBookText(path, openBookArchive);
    const good = await convertPosition(book, "/body/DocFragment[1]/body/p/text().5", "cfi");
    const bad = await convertPosition(book, "/body/DocFragment[2]/body/div/div.0", "cfi");
    await book.close();
    expect(good).toMatchObject({ position: "epubcfi(/2/2/4/2/1:5)", quality: "text" });
    expect(bad).toMatchObject({ position: null, quality: "percent" });
  });
});

describe("text is decoded", () => {
  const latin = Uint8Array.from([0x63, 0x61, 0x66, 0xe9]);
  test.each([
    ["as UTF-8 where it is that", Buffer.from("café"), "café"],
    [
      "as what an XML declaration says",
      Buffer.from([...Buffer.from('<?xml version="1.0" encoding="windows-1251"?>'), 0xe0]),
      '<?xml version="1.0" encoding="windows-1251"?>а',
    ],
    [
      "as what a meta says",
      Buffer.from([...Buffer.from('<meta charset="iso-8859-2">'), 0xb1]),
      '<meta charset="iso-8859-2">ą',
    ],
    ["as UTF-16 with a byte order mark", Buffer.from([0xff, 0xfe, 0x63, 0x00, 0xe9, 0x00]), "cé"],
    ["as Windows-1252 where nothing is said", latin, "café"],
    ["without its byte order mark", Buffer.from([0xef, 0xbb, 0xbf, 0x61]), "a"],
  ])("%s", (_, bytes, expected) => {
    expect(decodeText(bytes)).toBe(expected);
  });
});
