import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BookText, openBookText } from "../../../src/app/book/text.ts";
import { convertPosition } from "../../../src/app/book/convert.ts";
import { resolvePosition } from "../../../src/app/book/resolve.ts";
import { ordinalOf } from "../../../src/core/position/place.ts";
import { followSteps, pointerTo } from "../../../src/core/position/crengine-pointer.ts";
import type { ElementNode, TextNode, Tree } from "../../../src/core/position/tree.ts";
import { charactersFrom } from "../../../src/core/position/words.ts";
import { parseXpointer } from "../../../src/core/position/xpointer.ts";
import { openBookArchive } from "../../../src/io/books/epub.ts";
import { crengineNodes, evidence, pages, pairs } from "../../support/positions.ts";

const books = new Map<string, BookText>();

async function book(name: string): Promise<BookText> {
  const known = books.get(name);
  if (known !== undefined) return known;
  const opened = await openBookText(evidence(`${name}.epub`), openBookArchive);
  books.set(name, opened);
  return opened;
}

afterAll(async () => {
  for (const opened of books.values()) await opened.close();
});

async function tree(name: string, fragment: number): Promise<Tree> {
  const trees = await (await book(name)).trees(fragment - 1);
  if ("refused" in trees) throw new Error(`${name} ${fragment}: ${trees.refused}`);
  return trees.crengine;
}

/** Both spellings of a pointer are one: without any `[1]`, and without the point. */
function bare(pointer: string): string {
  return pointer.replace(/\.0$/, "").replaceAll("[1]", "");
}

function withoutSpaces(text: string): string {
  return text.replaceAll(/[\0- ]+/g, "");
}

describe.each([
  ["alice", "dom20240114"],
  ["alice", "dom20260812"],
  ["torture", "dom20240114"],
  ["torture", "dom20260812"],
] as const)("crengine's own list of %s, tree %s", (name, version) => {
  const listed = crengineNodes(name, version);
  const found: Array<{ node: ElementNode | TextNode; exact: boolean; same: boolean; at: (typeof listed)[number] }> = [];
  const ours = new Set<string>();
  beforeAll(async () => {
    for (const at of listed) {
      const pointer = parseXpointer(at.xpointer);
      if (pointer === null) throw new Error(`no pointer: ${at.xpointer}`);
      if (pointer.fragment === null) continue;
      const { node, exact } = followSteps(await tree(name, pointer.fragment), pointer.steps);
      const same = bare(pointerTo(node, pointer.fragment, null)) === bare(at.xpointer);
      found.push({ node, exact, same, at });
    }
    for (const index of (await book(name)).spine.keys()) {
      const stack: Array<ElementNode | TextNode> = [(await tree(name, index + 1)).root];
      for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
        ours.add(bare(pointerTo(node, index + 1, null)));
        if (node.kind === "element") stack.push(...node.children.filter((child) => child.kind !== "comment"));
      }
    }
  });

  test("every element is where we say, and every text node has its number", () => {
    expect(found.length).toBe(listed.length - 1);
    expect(found.filter(({ exact, same }) => !exact || !same).map(({ at }) => at.xpointer)).toEqual([]);
  });

  test("we have no element and no text node that crengine has not", () => {
    const theirs = new Set(listed.map(({ xpointer }) => bare(xpointer)));
    expect([...ours].filter((pointer) => !theirs.has(pointer))).toEqual([]);
  });

  test("every text node has crengine's length and text", () => {
    const wrong = found.filter(({ node, at }) => {
      if (node.kind !== "text") return at.kind === "text";
      // Formulas are shown in mathematical letters: as many, but others.
      const isSame = node.text.startsWith(at.text.slice(0, 40)) || at.xpointer.includes("/math");
      return Array.from(node.text).length !== at.len || !isSame;
    });
    expect(wrong.map(({ at }) => at.xpointer)).toEqual([]);
  });

  test("what crengine hides we know as hidden", () => {
    const wrong = found.filter(({ node, at }) => node.kind === "element" && node.visible === at.invisible);
    expect(wrong.map(({ at }) => at.xpointer)).toEqual([]);
  });
});

describe("places of which both pointers are known", () => {
  const known = pairs();

  test("an XPointer becomes the very CFI of calibre's viewer, and its text is right", async () => {
    const wrong: unknown[] = [];
    let repaired = 0;
    for (const { book: name, xpointer, cfi, text } of known) {
      const said = await convertPosition(await book(name), xpointer, "cfi");
      const isRight = said.position === cfi && withoutSpaces(said.text).startsWith(withoutSpaces(text));
      // One file is ill-formed: there only calibre's own parser could prove the character.
      const isRepaired = name === "torture" && xpointer.includes("/DocFragment[8]");
      if (isRepaired) repaired += 1;
      if (!isRight || said.quality !== (isRepaired ? "element" : "text")) wrong.push({ xpointer, cfi, text, said });
    }
    expect(wrong).toEqual([]);
    expect([known.length, repaired]).toEqual([1320, 60]);
  });

  test("a CFI becomes the very XPointer, or, where a file is in the spine twice, the same place in its first fragment", async () => {
    const wrong: unknown[] = [];
    let isRepeated = 0;
    for (const { book: name, xpointer, cfi, text } of known) {
      const said = await convertPosition(await book(name), cfi, "xpointer");
      // The ninth fragment is the third once more; a CFI names the file, not the fragment.
      const expected = xpointer.replace("/DocFragment[9]", "/DocFragment[3]");
      if (name === "torture" && expected !== xpointer) isRepeated += 1;
      const wanted = name === "torture" ? expected : xpointer;
      const isSame = bare(said.position ?? "") === bare(wanted);
      if (!isSame || !withoutSpaces(said.text).startsWith(withoutSpaces(text))) wrong.push({ cfi, wanted, text, said });
    }
    expect(wrong).toEqual([]);
    expect(isRepeated).toBe(60);
  });

  test("there and back again is the same text", async () => {
    for (const { book: name, xpointer, text } of known) {
      const opened = await book(name);
      const there = await convertPosition(opened, xpointer, "cfi");
      const back = await convertPosition(opened, there.position ?? "", "xpointer");
      const resolved = await resolvePosition(opened, back.position ?? "");
      if (resolved.kind !== "place") throw new Error(`lost: ${xpointer}`);
      const read = charactersFrom(resolved.tree, ordinalOf(resolved.found.place), 20);
      expect(read.startsWith(withoutSpaces(text))).toBe(true);
    }
  });
});

describe("the tops of KOReader's pages", () => {
  test("each is found, and our share differs from the reader's by 0.6 % on average and 2.5 % at most", async () => {
    const tops = pages("alice");
    const differences: number[] = [];
    for (const { xpointer, percent } of tops) {
      const { percentage, position } = await convertPosition(await book("alice"), xpointer, "cfi");
      expect(position).not.toBeNull();
      differences.push(Math.abs((percentage ?? 9) - percent));
    }
    expect(differences.reduce((sum, one) => sum + one, 0) / tops.length).toBeLessThan(0.006);
    expect(Math.max(...differences)).toBeLessThan(0.025);
  });
});
