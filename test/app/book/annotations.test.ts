import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { placeAnnotation } from "../../../src/app/book/annotations.ts";
import type { BookText } from "../../../src/app/book/text.ts";
import { fold } from "../../../src/core/highlights/folded.ts";
import { followCfi } from "../../../src/core/position/calibre-cfi.ts";
import { parseCfi } from "../../../src/core/position/cfi.ts";
import type { Tree } from "../../../src/core/position/tree.ts";
import type { FoundAnnotation, AnnotationPlace } from "../../../src/model/annotation.ts";
import { withBook } from "../../support/converting.ts";
import { highlight, PLAIN, select } from "../../support/highlights.ts";
import { evidence, temporaryFolder, writeEpub, xhtml } from "../../support/positions.ts";

const folder = temporaryFolder();

/** The units of a file's text before a path's end, as calibre's viewer follows it: of two texts the one that ends there. */
function unitsAt(tree: Tree, path: string): number {
  const cfi = parseCfi(`epubcfi(/2${path})`);
  if (cfi?.offset === null || cfi === null) throw new Error(`no CFI of a text: ${path}`);
  const parent = followCfi(tree, { ...cfi, steps: cfi.steps.slice(0, -1), offset: null });
  if (!parent.exact || parent.node.kind !== "element") throw new Error(`leads to no element: ${path}`);
  let left = cfi.offset;
  for (const text of parent.node.children.filter((child) => child.kind === "text")) {
    if (left > text.text.length) left -= text.text.length;
    else return left + tree.texts.slice(0, tree.texts.indexOf(text)).reduce((sum, one) => sum + one.text.length, 0);
  }
  throw new Error(`leads out of its element: ${path}`);
}

/** What a viewer would paint: everything between the two ends in the file they name. */
async function paintedAt(book: BookText, place: AnnotationPlace): Promise<string | null> {
  if (place.status !== "highlight") return null;
  const index = book.spine.findIndex(({ name }) => name === place.spine_name);
  expect(book.viewer[place.spine_index]).toBe(place.spine_name);
  const trees = await book.trees(index);
  if ("refused" in trees || trees.calibre === null) throw new Error("no tree");
  const whole = trees.calibre.texts.map(({ text }) => text).join("");
  return whole.slice(unitsAt(trees.calibre, place.start_cfi), unitsAt(trees.calibre, place.end_cfi));
}

/** A place in the first file. */
const at = (path: string): string => `/body/DocFragment[1]/body/${path}`;

describe("a highlight", () => {
  const book = writeEpub(join(folder, "harbour.epub"), [
    {
      name: "a.xhtml",
      content: xhtml(
        "<h1>Chapter One</h1><p>The harbour lay <em>pale and patient</em> under a thin\u00ADning sky, the boats, 🚢 and all.</p>" +
          "<p>Said twice, said plainly.</p><p>Said twice, said plainly.</p>",
      ),
    },
    { name: "b.xhtml", content: xhtml("<p>A garden nobody had been in since the war.</p><p>It was&nbsp;quiet.</p>") },
    { name: "d.xhtml", content: xhtml("<p>Before<em>inside</em>behind</p>") },
    { name: "c.xhtml", content: xhtml('<p>one <span style="display:none">never shown</span> two</p>') },
  ]);
  test.each<[string, FoundAnnotation, string]>([
    ["a heading", highlight(at("h1/text().0"), at("h1/text().11"), "Chapter One"), "Chapter One"],
    [
      "words in an element, up to its end",
      highlight(at("p[1]/em/text().0"), at("p[1]/em/text().16"), "pale and patient"),
      "pale and patient",
    ],
    [
      "an end in the next text",
      highlight(at("p[1]/em/text().5"), at("p[1]/text()[2].6"), "and patient under"),
      "and patient under",
    ],
    ["a soft hyphen", highlight(at("p[1]/text()[2].9"), at("p[1]/text()[2].18"), "thinning"), "thin\u00ADning"],
    ["a character of two units", highlight(at("p[1]/text()[2].28"), at("p[1]/text()[2].36"), "boats, 🚢"), "boats, 🚢"],
    ["the text behind an element", highlight(at("p[1]/text()[2].0"), at("p[1]/text()[2].6"), "under"), "under"],
    [
      "the text right behind an element",
      highlight("/body/DocFragment[3]/body/p/text()[2].0", "/body/DocFragment[3]/body/p/text()[2].6", "behind"),
      "behind",
    ],
    ["one character, both ends at one place", highlight(at("h1/text().0"), at("h1/text().0"), "C"), "C"],
    [
      "several paragraphs",
      highlight(at("p[2]/text().11"), at("p[3]/text().10"), "said plainly.\nSaid twice"),
      "said plainly.Said twice",
    ],
    [
      "the second of two equal ones",
      highlight(at("p[3]/text().0"), at("p[3]/text().25"), "Said twice, said plainly."),
      "Said twice, said plainly.",
    ],
    [
      "another file, with a space that does not break",
      highlight("/body/DocFragment[2]/body/p[2]/text().0", "/body/DocFragment[2]/body/p[2]/text().13", "It was quiet."),
      "It was\u00A0quiet.",
    ],
  ])("is painted on exactly its words: %s", async (_what, annotation, words) => {
    await withBook(await book, async (text) => {
      const place = await placeAnnotation(text, annotation);
      expect(place).toMatchObject({ status: "highlight", by: "ends" });
      expect(await paintedAt(text, place)).toBe(words);
    });
  });

  test("the second of two equal ones is not the first", async () => {
    await withBook(await book, async (text) => {
      const place = await placeAnnotation(text, highlight(at("p[3]/text().0"), at("p[3]/text().10"), "Said twice"));
      expect(place).toMatchObject({ start_cfi: "/2/4/8/1:0", end_cfi: "/2/4/8/1:10" });
    });
  });

  test.each<[string, FoundAnnotation]>([
    ["its ends have moved", highlight(at("p[1]/text().2"), at("p[1]/text().9"), "A garden nobody had been in")],
    ["its ends are gone", highlight(at("div[7]/p/text().2"), at("div[7]/p/text().9"), "garden nobody had")],
  ])("is found by its words where %s, if they stand there once", async (_what, annotation) => {
    await withBook(await book, async (text) => {
      const place = await placeAnnotation(text, annotation);
      expect(place).toMatchObject({
        status: "highlight",
        by: "search",
        spine_name: expect.stringContaining("b.xhtml"),
      });
      expect(fold((await paintedAt(text, place)) ?? "")).toBe(fold(annotation.text ?? ""));
    });
  });

  test.each<[string, FoundAnnotation, string]>([
    ["twice", highlight(at("p[9]/text().0"), at("p[9]/text().9"), "Said twice, said plainly."), "not_unique"],
    ["nowhere", highlight(at("h1/text().0"), at("h1/text().7"), "Something else entirely"), "text_differs"],
    ["too few to be looked for", highlight(at("h1/text().0"), at("h1/text().3"), "garden"), "text_differs"],
    [
      "changed by hand",
      highlight(at("h1/text().0"), at("h1/text().11"), "Chapter One", { edited: true }),
      "text_edited",
    ],
    [
      "in two files",
      highlight(at("p[3]/text().5"), "/body/DocFragment[2]/body/p[1]/text().8", "twice, said plainly.\nA garden"),
      "several_files",
    ],
    ["on a page", highlight("12", "12", "words", { page: "12" }), "paged"],
    [
      "around what is hidden",
      highlight("/body/DocFragment[4]/body/p/text().0", "/body/DocFragment[4]/body/p/text()[2].4", "one two"),
      "text_differs",
    ],
    ["without ends", { ...PLAIN, text: "Chapter One" }, "no_ends"],
    ["without words", { ...highlight(at("h1/text().0"), at("h1/text().7"), ""), text: null }, "text_differs"],
    ["by broken ends", highlight("/body/DocFragment[1]/body/h1/text(", "nonsense", "words"), "text_differs"],
  ])("is listed, and never guessed, when its words stand %s", async (_what, annotation, reason) => {
    await withBook(await book, async (text) => {
      expect(await placeAnnotation(text, annotation)).toEqual({ status: "unplaced", reason });
    });
  });

  test("a page bookmark leads to its paragraph", async () => {
    await withBook(await book, async (text) => {
      const bookmark: FoundAnnotation = { ...PLAIN, kind: "bookmark", page: "/body/DocFragment[2]/body/p[2]/text().0" };
      expect(await placeAnnotation(text, bookmark)).toEqual({ status: "bookmark", cfi: "epubcfi(/4/2/4/4/1:0)" });
      const lost = { ...bookmark, page: "/body/DocFragment[2]/body/p[7]/text().0" };
      expect(await placeAnnotation(text, lost)).toEqual({ status: "unplaced", reason: "place_lost" });
    });
  });
});

test.each([
  ["alice.epub", 1],
  // Half of it is hidden, dropped, or between table cells.
  ["torture.epub", 0.5],
])("of any selection in %s nothing is painted but its words", async (name, share) => {
  let [asked, painted] = [0, 0];
  await withBook(evidence(name), async (book) => {
    const end = fc.tuple(fc.nat(), fc.nat());
    await fc.assert(
      fc.asyncProperty(fc.nat(book.spine.length - 1), end, end, async (index, from, to) => {
        const trees = await book.trees(index);
        const annotation = "refused" in trees ? null : select(trees.crengine, index + 1, from, to);
        if (annotation === null) return;
        const place = await placeAnnotation(book, annotation);
        const words = await paintedAt(book, place);
        asked += 1;
        if (words === null) return;
        expect(fold(words)).toBe(fold(annotation.text ?? ""));
        painted += 1;
      }),
      { numRuns: 400 },
    );
  });
  expect(asked).toBeGreaterThan(100);
  expect(painted / asked).toBeGreaterThanOrEqual(share);
});
