import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll } from "vitest";
import { ZipFile } from "yazl";
import * as z from "zod";

/** One node as crengine itself lists it: offsets in code points. */
const CrengineNode = z.object({
  kind: z.enum(["elem", "text"]),
  xpointer: z.string(),
  len: z.number(),
  invisible: z.boolean(),
  /** The beginning of a text node. */
  text: z.string(),
});

/** The same place as KOReader and as calibre's viewer say it. */
const Pair = z.object({ book: z.string(), xpointer: z.string(), cfi: z.string(), text: z.string() });

/** What KOReader sent at the top of each page. */
const Page = z.object({
  page: z.number(),
  of: z.number(),
  percent: z.number(),
  xpointer: z.string(),
  text: z.string(),
});

/** The path of a file in `test/fixtures/positions`. */
export function evidence(name: string): string {
  return fileURLToPath(new URL(`../fixtures/positions/${name}`, import.meta.url));
}

function lines(name: string): unknown[] {
  const text = gunzipSync(readFileSync(evidence(`${name}.jsonl.gz`))).toString("utf8");
  return text
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

/** Every element and text node of a book as one version of crengine's tree has them. */
export function crengineNodes(book: string, version: "dom20240114" | "dom20260812"): z.infer<typeof CrengineNode>[] {
  return lines(`${book}.${version}`).map((line) => CrengineNode.parse(line));
}

/** Places of which both pointers are known. */
export function pairs(): z.infer<typeof Pair>[] {
  return lines("pairs").map((line) => Pair.parse(line));
}

/** The tops of a book's pages. */
export function pages(book: string): z.infer<typeof Page>[] {
  return lines(`${book}.pages`).map((line) => Page.parse(line));
}

/** A folder that is gone after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "koreader-progress-positions-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a zip of these entries, in this order. */
export async function writeZip(path: string, entries: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(entries)) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}

const XHTML = "application/xhtml+xml";

/** One file of a made EPUB; `linear: "no"` and another media type where they matter. */
export interface MadeChapter {
  readonly name: string;
  readonly content: string | null;
  readonly linear?: string;
  readonly mediaType?: string;
}

/** A chapter of XHTML with this body. */
export function xhtml(body: string, head = ""): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><head><title>T</title>${head}</head><body>${body}</body></html>`;
}

/** Writes an EPUB of these chapters; `extra` are further entries, by their names in the archive. */
export async function writeEpub(
  path: string,
  chapters: readonly MadeChapter[],
  { extra = {}, opf = "", version = "3.0" }: { extra?: Record<string, string>; opf?: string; version?: string } = {},
): Promise<string> {
  const items = chapters.map(
    ({ name, mediaType = XHTML }, at) => `<item id="c${at}" href="${name}" media-type="${mediaType}"/>`,
  );
  const refs = chapters.map(
    ({ linear }, at) => `<itemref idref="c${at}"${linear === undefined ? "" : ` linear="${linear}"`}/>`,
  );
  const files = chapters.filter(({ content }) => content !== null);
  return writeZip(path, {
    mimetype: "application/epub+zip",
    "META-INF/container.xml":
      '<container><rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
    "OEBPS/content.opf": `<package xmlns="http://www.idpf.org/2007/opf" version="${version}"><metadata/><manifest>${items.join("")}</manifest><spine>${refs.join("")}</spine>${opf}</package>`,
    ...Object.fromEntries(files.map(({ name, content }) => [`OEBPS/${name}`, content ?? ""])),
    ...extra,
  });
}
