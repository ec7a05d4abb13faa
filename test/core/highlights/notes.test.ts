import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { escapeMarkdown, formatAnnotations, viewerLink } from "../../../src/core/highlights/markdown.ts";
import { bookOfNotes, nameOfNotes, updateNotes } from "../../../src/core/highlights/note-file.ts";
import { gather, withKnown } from "../../../src/core/highlights/gather.ts";
import type { Annotation, FoundAnnotation } from "../../../src/model/annotation.ts";

const BOOK = { uuid: "11111111-2222-4333-8444-555555555555", title: "The Quiet Harbour", authors: ["Ann Writer"] };

const FOUND: FoundAnnotation = {
  kind: "highlight",
  created: "2026-11-20 21:04:05",
  updated: null,
  page: "/body/DocFragment[1]/body/p[1]/text().0",
  pos0: "/body/DocFragment[1]/body/p[1]/text().0",
  pos1: "/body/DocFragment[1]/body/p[1]/text().9",
  text: "pale and patient",
  edited: false,
  note: null,
  drawer: "lighten",
  color: "yellow",
  chapter: "One",
  page_label: "14",
  device: "Kobo",
};

describe("annotations of one reader", () => {
  const later = { ...FOUND, updated: "2026-11-21 09:00:00", note: "of what?", device: "Boox" };

  test("found on two devices are one, told as it was changed last, with both devices", () => {
    for (const found of [
      [FOUND, later],
      [later, FOUND],
    ]) {
      const [annotation, ...others] = gather(BOOK.uuid, found);
      expect(others).toEqual([]);
      expect(annotation).toMatchObject({ note: "of what?", devices: expect.arrayContaining(["Kobo", "Boox"]) });
    }
  });

  test("bear the same name on every machine, whatever order they are found in", () => {
    const names = [gather(BOOK.uuid, [FOUND, later]), gather(BOOK.uuid, [later, FOUND]), gather(BOOK.uuid, [FOUND])];
    expect(new Set(names.map(([annotation]) => annotation?.uuid)).size).toBe(1);
    expect(gather("another book", [FOUND])[0]?.uuid).not.toBe(names[0]?.[0]?.uuid);
  });

  test.each<[string, Partial<FoundAnnotation>]>([
    ["made at another moment", { created: "2026-11-20 21:04:06" }],
    ["of other words at another place", { text: "something else", pos0: "/body/p", pos1: "/body/q" }],
    ["of another kind", { kind: "bookmark" }],
  ])("%s are two", (_what, other) => {
    expect(gather(BOOK.uuid, [FOUND, { ...FOUND, ...other }])).toHaveLength(2);
  });

  test("whose ends were moved by their maker stay one", () => {
    expect(gather(BOOK.uuid, [FOUND, { ...FOUND, pos1: "/body/DocFragment[1]/body/p[1]/text().8" }])).toHaveLength(1);
  });
});

describe("what was known before", () => {
  const [known] = gather(BOOK.uuid, [FOUND]);
  const later = (more: Partial<FoundAnnotation>): Annotation[] =>
    withKnown(
      known === undefined ? [] : [known],
      gather(BOOK.uuid, [{ ...FOUND, updated: "2026-11-22 07:00:00", ...more }]),
    );

  test.each<[string, Partial<FoundAnnotation>]>([
    ["its words were changed by hand", { text: "pale, and patient!", edited: true }],
    ["one of its ends was moved, and its words with it", { pos1: "/body/p[1]/text().4", text: "pale" }],
    ["it was found on another device", { device: "Boox" }],
  ])("is the same annotation, under the same name, when %s", (_what, more) => {
    const [one, ...others] = later(more);
    expect(others).toEqual([]);
    expect(one).toMatchObject({ uuid: known?.uuid, text: more.text ?? FOUND.text });
  });

  test("is not forgotten when the reader has it no more, nor taken back by an older state", () => {
    expect(withKnown(later({ note: "new" }), [])).toMatchObject([{ note: "new" }]);
    expect(withKnown(later({ note: "new" }), gather(BOOK.uuid, [FOUND]))).toMatchObject([{ note: "new" }]);
  });
});

describe("annotations as Markdown", () => {
  test("stand under their chapters, quoted, with note, page and a link into calibre", () => {
    const [annotation] = gather(BOOK.uuid, [{ ...FOUND, note: "of what?\n# no heading" }]);
    if (annotation === undefined) throw new Error("no annotation");
    const place = {
      by: "ends",
      spine_name: "a",
      spine_index: 1,
      start_cfi: "/2/4/2/1:0",
      end_cfi: "/2/4/2/1:9",
    } as const;
    const link = viewerLink(7, "EPUB", { status: "highlight", ...place });
    expect(formatAnnotations([{ annotation, link }])).toBe(
      "## One\n\n> pale and patient\n\nof what?\n\\# no heading\n\n" +
        "*page 14, yellow, 2026-11-20, Kobo* [in calibre](calibre://view-book/_/7/EPUB?open_at=epubcfi(%2F4%2F2%2F4%2F2%2F1%3A0))\n",
    );
  });

  test("hold nothing that a text could begin", () => {
    expect(escapeMarkdown("1. <b>*x*</b> [a](b) $y$\n- z\n> q")).toBe(
      "\\1. \\<b\\>\\*x\\*\\</b\\> \\[a\\](b) \\$y\\$\n\\- z\n\\> q",
    );
  });
});

describe("a file of notes", () => {
  test("is known by its book, whatever else stands in it", () => {
    const made = updateNotes(null, BOOK, "> one\n");
    expect(bookOfNotes(made ?? "")).toBe(BOOK.uuid);
    expect(bookOfNotes((made ?? "").replace("title:", "tags: [a]\ntitle:").replaceAll("\n", "\r\n"))).toBe(BOOK.uuid);
    expect(bookOfNotes("# My own notes\nkoreader_progress: 1")).toBeNull();
  });

  test("keeps its owner's text to the byte, however often ours changes", () => {
    const line = fc.string({ unit: "binary" }).filter((text) => !text.includes("koreader-progress"));
    fc.assert(
      fc.property(line, line, fc.array(fc.constantFrom("> one\n", "> two\n\n> three\n", "")), (above, below, parts) => {
        const made = updateNotes(null, BOOK, "> first\n") ?? "";
        const [head = "", rest = ""] = made.split("<!-- koreader-progress: what stands from here on is written");
        let text: string | null =
          `${head}${above}\n<!-- koreader-progress: what stands from here on is written${rest}${below}`;
        const mine = text;
        for (const part of parts) text = updateNotes(text, BOOK, part);
        expect(text?.startsWith(`${head}${above}\n`)).toBe(true);
        expect(text?.endsWith(below)).toBe(true);
        expect(updateNotes(text, BOOK, "> first\n")).toBe(
          mine.includes("\r\n") ? updateNotes(mine, BOOK, "> first\n") : mine,
        );
      }),
    );
  });

  test.each([
    ["the first line is gone", (text: string) => text.replace(/^<!--.*anew -->$/m, "")],
    ["the second line is gone", (text: string) => text.replace(/^<!--.*yours -->$/m, "")],
    ["a part was copied", (text: string) => text + text],
  ])("is left alone when %s", (_what, damage) => {
    expect(updateNotes(damage(updateNotes(null, BOOK, "> one\n") ?? ""), BOOK, "> two\n")).toBeNull();
  });

  test.each([
    [{ title: "The Quiet Harbour", authors: ["Ann Writer", "B"] }, "The Quiet Harbour - Ann Writer & B"],
    [{ title: 'A/B\\C: "what?" <x>', authors: [] }, "A B C what x"],
    [{ title: "CON", authors: [] }, "_CON"],
    [{ title: "nul.txt", authors: [] }, "_nul.txt"],
    [{ title: "...", authors: [""] }, "Book"],
    [{ title: "Ends with a dot.", authors: [] }, "Ends with a dot"],
    [{ title: "half \uD83D", authors: [] }, "half \uFFFD"],
  ])("of %j is called %s", (about, name) => {
    expect(nameOfNotes({ ...BOOK, ...about })).toBe(name);
  });

  test("has a name that every system takes, however long the title", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (title) => {
        const name = nameOfNotes({ ...BOOK, title, authors: [] });
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(181);
        expect(name).toMatch(/^[^<>:"/\\|?*\p{Cc}]+$/u);
        expect(name).not.toMatch(/^[. ]|[. ]$/);
      }),
    );
  });
});
