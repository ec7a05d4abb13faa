import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { openBookText } from "../../../src/app/book/text.ts";
import { calibreTree } from "../../../src/core/position/calibre-tree.ts";
import { openBookArchive } from "../../../src/io/books/epub.ts";
import { evidence, temporaryFolder, writeEpub, xhtml } from "../../support/positions.ts";
import { shapeOf } from "../../support/tree-shape.ts";

const folder = temporaryFolder();

/** Asks calibre's own code: the parser its viewer uses, and the viewer's spine. */
const SCRIPT = `
import json, shutil, sys, tempfile
from calibre.ebooks.oeb.iterator.book import extract_book
from calibre.ebooks.oeb.polish.parsing import parse
from calibre.srv import render_book

def shape(node):
    inner = []
    def text(value):
        if value:
            inner.append(json.dumps(value, ensure_ascii=False))
    text(node.text)
    for child in node:
        inner.append(shape(child) if isinstance(child.tag, str) else '!')
        text(child.tail)
    return node.tag.rpartition('}')[2] + '(' + ' '.join(inner) + ')'

def body(source):
    root = parse(source)
    for child in root:
        if isinstance(child.tag, str) and child.tag.endswith('}body'):
            return shape(child)
    return None

def spine(path):
    folder = tempfile.mkdtemp()
    try:
        _, opf, _ = extract_book(path, folder, log=render_book.default_log)
        return [name for name, _ in render_book.SimpleContainer(folder, opf, render_book.default_log).spine_names]
    finally:
        shutil.rmtree(folder)

asked = json.load(open(sys.argv[-1], encoding='utf-8'))
answer = {'bodies': [body(source) for source in asked['sources']], 'spines': [spine(path) for path in asked['books']]}
with open(sys.argv[-1], 'w', encoding='utf-8') as out:
    json.dump(answer, out)
`;

const Answer = z.object({ bodies: z.array(z.string().nullable()), spines: z.array(z.array(z.string())) });

async function askCalibre(sources: readonly string[], books: readonly string[]): Promise<z.infer<typeof Answer>> {
  const script = join(folder, "ask.py");
  const asked = join(folder, "asked.json");
  writeFileSync(script, SCRIPT);
  writeFileSync(asked, JSON.stringify({ sources, books }));
  const env = { ...process.env, CALIBRE_CONFIG_DIRECTORY: join(folder, "config") };
  const debug = join(process.env["KOREADER_PROGRESS_CALIBRE"] ?? "", "calibre-debug");
  execFileSync(debug, [script, "--", asked], { env, timeout: 120_000, stdio: ["ignore", "ignore", "pipe"] });
  const { readFile } = await import("node:fs/promises");
  return Answer.parse(JSON.parse(await readFile(asked, "utf8")));
}

const SOURCES = [
  xhtml("<p>a<!-- c -->b<![CDATA[<x> &amp;]]>d</p>"),
  xhtml("<p> a\r\n <b>b</b>\tc </p>\n"),
  xhtml("<p>&amp;&lt;&nbsp;&#8212;&#150;&hellip;&shy;x</p>"),
  xhtml("<table><tr><td>a</td></tr></table><p>b<a id='x'/>c</p>"),
  xhtml('<p title="a>b">c</p><br/><hr/>d'),
  xhtml('<svg xmlns="http://www.w3.org/2000/svg"><text>t</text><linearGradient/></svg>'),
  xhtml("<ruby>漢<rp>(</rp><rt>kan</rt></ruby><pre>\n a\n b</pre>"),
  xhtml("<p>a<p>b<br>c<ul><li>d<li>e</ul>"),
  xhtml("<p>a & b &unknown; <i>c</p>"),
  xhtml('<p epub:type="x">a<table><tr><td>c</td></tr></table></p>'),
  xhtml("<table>stray<tr><td>a</td></tr></table>"),
  xhtml("<p><b><i>x</b>y</i>z</p><p/>w"),
  xhtml("<p>\u{1F600}𝒳 soft\u00ADhyphen</p><div><div/>x</div>"),
  "<html><head></head><body><p>no namespace<table><tr><td>a</table></body></html>",
  '<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml"><body>no head<p>x</p></body></html>',
  "<html><body><p/>w<b/>x<br/>y<i>z</body></html>",
  xhtml("<p>a<i/>b<br/>c<img src='x'/>d<script/>e<title/>f<td/>g<b>"),
  xhtml("<svg><g/><text/>x</svg><a/>y<b>"),
  "<p>nothing around it",
];

describe("calibre's own code agrees", () => {
  test("on every node of well-formed and broken files, and on the viewer's spine", async () => {
    const chapters = ["a", "b", "c", "d"].map((name) => ({ name: `${name}.xhtml`, content: xhtml(name) }));
    const [a, b, c, d] = chapters;
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error("four chapters");
    const cover = '<guide><reference type="cover" href="a.xhtml"/></guide>';
    const books = [
      evidence("torture.epub"),
      evidence("alice.epub"),
      await writeEpub(join(folder, "order.epub"), [a, { ...b, linear: "no" }, { ...c, content: null }, d, b]),
      await writeEpub(join(folder, "cover2.epub"), [{ ...a, linear: "no" }, b, c], { opf: cover, version: "2.0" }),
      await writeEpub(join(folder, "cover3.epub"), [{ ...a, linear: "no" }, b, c], { opf: cover }),
      await writeEpub(join(folder, "uncovered.epub"), [{ ...a, linear: "no" }, b, c]),
    ];
    const answer = await askCalibre(SOURCES, books);
    // calibre 6.13 reads &#150; as browsers do, 8.5 as the control character of that number: one character either way,
    // so no place in the text moves.
    const theirs = answer.bodies.map((body) => body?.replaceAll("\u0096", "–") ?? null);
    expect(SOURCES.map((source) => shapeOf(calibreTree(source).root))).toEqual(theirs);
    const ours: string[][] = [];
    for (const path of books) {
      const book = await openBookText(path, openBookArchive);
      ours.push([...book.viewer]);
      await book.close();
    }
    expect(ours).toEqual(answer.spines);
  });
});
