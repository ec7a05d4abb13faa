/** Books for the demo: small, honest EPUBs of both versions and a comic, made of sentences of our own. */
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { crc32, deflateSync } from "node:zlib";
import { ZipFile } from "yazl";

export interface DemoBook {
  readonly title: string;
  readonly author: string;
  readonly version: "2.0" | "3.0";
  readonly chapters: number;
}

const CONTAINER = `<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>`;

const SENTENCES = [
  "The lamp burned low, and nobody thought of sleep.",
  "She turned the page as one opens a window.",
  "It was raining in the next chapter already.",
  "He had lent the book to three people and got back four.",
  "The library knew, next morning, where they had stopped.",
];

function chapter(number: number): string {
  const paragraphs = Array.from({ length: 40 }, (_, index) => {
    const sentences = Array.from(
      { length: 6 },
      (_, word) => SENTENCES[(number * 7 + index * 3 + word) % SENTENCES.length],
    );
    return `<p>${sentences.join(" ")}</p>`;
  });
  return `<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Chapter ${number}</title></head>
<body><h2>Chapter ${number}</h2>${paragraphs.join("\n")}</body></html>`;
}

function packageDocument({ title, author, version, chapters }: DemoBook): string {
  const numbers = Array.from({ length: chapters }, (_, index) => index + 1);
  const items = numbers.map((n) => `<item id="c${n}" href="c${n}.xhtml" media-type="application/xhtml+xml"/>`);
  const refs = numbers.map((n) => `<itemref idref="c${n}"/>`);
  const navigation =
    version === "3.0"
      ? `<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>`
      : `<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>`;
  return `<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="${version}" unique-identifier="uid">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">
<dc:identifier id="uid">urn:demo:${encodeURIComponent(title)}</dc:identifier><dc:title>${title}</dc:title>
<dc:creator>${author}</dc:creator><dc:language>en</dc:language>
${version === "3.0" ? '<meta property="dcterms:modified">2026-01-01T00:00:00Z</meta>' : ""}
<meta name="cover" content="cover"/>
</metadata><manifest><item id="cover" href="cover.png" media-type="image/png"/>${navigation}${items.join("")}</manifest>
<spine${version === "2.0" ? ' toc="ncx"' : ""}>${refs.join("")}</spine></package>`;
}

const NAV = `<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title>Contents</title></head>
<body><nav epub:type="toc"><ol><li><a href="c1.xhtml">Chapter 1</a></li></ol></nav></body></html>`;

const NCX = `<?xml version="1.0" encoding="utf-8"?>
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1"><head/><docTitle><text>Contents</text></docTitle>
<navMap><navPoint id="n1" playOrder="1"><navLabel><text>Chapter 1</text></navLabel><content src="c1.xhtml"/></navPoint></navMap></ncx>`;

/** Writes an EPUB; its package document stands first, so that plain calibre would move everything behind it. */
export async function writeEpub(path: string, book: DemoBook): Promise<void> {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from("application/epub+zip"), "mimetype", { compress: false });
  zip.addBuffer(Buffer.from(CONTAINER), "META-INF/container.xml");
  zip.addBuffer(Buffer.from(packageDocument(book)), "OEBPS/content.opf");
  if (book.version === "3.0") zip.addBuffer(Buffer.from(NAV), "OEBPS/nav.xhtml");
  else zip.addBuffer(Buffer.from(NCX), "OEBPS/toc.ncx");
  // A book without a cover costs calibre a browser, to paint its first page.
  zip.addBuffer(greyPng(60, 80, 160), "OEBPS/cover.png", { compress: false });
  for (let number = 1; number <= book.chapters; number++) {
    zip.addBuffer(Buffer.from(chapter(number)), `OEBPS/c${number}.xhtml`);
  }
  await save(zip, path);
}

/** Writes a comic of plain grey pages: calibre never rewrites one, so every copy is the library's own file. */
export async function writeCbz(path: string, pages: number): Promise<void> {
  const zip = new ZipFile();
  for (let page = 1; page <= pages; page++) {
    zip.addBuffer(greyPng(200, 300, (page * 23) % 256), `page-${String(page).padStart(3, "0")}.png`, {
      compress: false,
    });
  }
  await save(zip, path);
}

async function save(zip: ZipFile, path: string): Promise<void> {
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
}

function greyPng(width: number, height: number, shade: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const row = Buffer.alloc(width + 1, shade);
  row[0] = 0;
  const pixels = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk("IHDR", header),
    pngChunk("IDAT", pixels),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
