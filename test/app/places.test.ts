import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { placesInLibrary, withContentKeys } from "../../src/app/places.ts";
import { compose, type Outside } from "../../src/compose.ts";
import type { PlaceRequest } from "../../src/model/place.ts";
import type { Reading } from "../../src/model/plan.ts";
import { answerOf, readingOf } from "../core/samples.ts";
import { temporaryFolder, writeEpub, xhtml } from "../support/positions.ts";

const folder = temporaryFolder();
let outside: Outside;

beforeAll(async () => {
  outside = await compose({ cache_folder: null });
});

afterAll(() => outside.close());

/** A book whose library file the server answered for. */
async function answered(book_id: number): Promise<Reading> {
  const path = await writeEpub(join(folder, `${book_id}.epub`), [
    { name: "a.xhtml", content: xhtml(`<p>${"A text. ".repeat(40)}</p>`) },
  ]);
  const { size, mtimeMs } = statSync(path);
  const { book } = readingOf({ records: [], formats: [{ format: "EPUB", path, size, mtime: mtimeMs / 1000 }] });
  const { partial_md5 } = await outside.files.digest(path);
  const answer = answerOf({ document: partial_md5, source: "library", content_key: null });
  return {
    book: { ...book, book_id },
    answers: [{ ...answer, candidate: { ...answer.candidate, format: "EPUB" } }],
  };
}

const keysOf = (readings: readonly Reading[]): (string | null)[] =>
  readings.flatMap(({ answers }) => answers.map(({ candidate }) => candidate.content_key));

test("says how many books it has opened, and leaves the others closed and in their order", async () => {
  const unanswered = readingOf({ records: [] });
  const readings = [await answered(1), { ...unanswered, book: { ...unanswered.book, book_id: 2 } }, await answered(3)];
  const said: unknown[] = [];
  const running = { signal: new AbortController().signal, progress: (...how: unknown[]) => void said.push(how) };
  const keyed = await withContentKeys(readings, outside, running);
  expect(keyed.map(({ book }) => book.book_id)).toEqual([1, 2, 3]);
  expect(keysOf(keyed)).toEqual([expect.stringMatching(/\w/), expect.stringMatching(/\w/)]);
  expect(said).toEqual([
    [1, 2, "opening"],
    [2, 2, "opening"],
  ]);
});

test("stops between two books", async () => {
  const stop = new AbortController();
  const running = { signal: stop.signal, progress: () => stop.abort() };
  await expect(withContentKeys([await answered(1), await answered(2)], outside, running)).rejects.toThrow("aborted");
});

describe("a record that tells no place but how far", () => {
  const RUNNING = { signal: new AbortController().signal };
  const paragraphs = Array.from({ length: 100 }, (_, at) => `<p>Paragraph ${1000 + at} of one hundred.</p>`).join("");
  const made = writeEpub(join(folder, "approximate.epub"), [{ name: "a.xhtml", content: xhtml(paragraphs) }]);

  async function placesOf(asked: Partial<PlaceRequest>): Promise<unknown> {
    const path = await made;
    const { size, mtimeMs } = statSync(path);
    const formats = [{ format: "EPUB", path, size, mtime: mtimeMs / 1000 }];
    const { partial_md5: document } = await outside.files.digest(path);
    const request = { book_id: 1, formats, digests: [], document, progress: "", ...asked };
    const [answer] = await placesInLibrary([request], outside, RUNNING);
    return answer?.places.map(({ cfi, quality, text }) => ({ cfi, quality, text: text.slice(0, 14) }));
  }

  const half = { cfi: "epubcfi(/2/2/4/102)", quality: "percent", text: "Paragraph 1050" };

  test.each([
    ["nothing at all", ""],
    ["a page of another file", "212"],
    ["what nobody understands", "loc:77"],
    ["a place in another book", "/body/DocFragment[40]/body/p[3]"],
    ["a CFI of another book", "epubcfi(/6/80!/4/2/1:0)"],
  ])("opens calibre's viewer about there: %s", async (_, progress) => {
    expect(await placesOf({ progress, percentage: 0.5 })).toEqual([half]);
  });

  test("also when it is known under a copy of another text", async () => {
    expect(
      await placesOf({ document: "d".repeat(32), progress: "/body/DocFragment[1]/body/p[400]", percentage: 0.5 }),
    ).toEqual([half]);
  });

  test("an exact place is never given up for it", async () => {
    const exact = { cfi: "epubcfi(/2/2/4/60/1:3)", quality: "text", text: "agraph 1029 of" };
    const progress = "/body/DocFragment[1]/body/p[30]/text().3";
    expect(await placesOf({ progress, percentage: 0.5 })).toEqual([exact]);
  });

  test("moves nobody who stands there already, and everybody else", async () => {
    const near = "epubcfi(/2/2/4/104/1:3)";
    const far = "epubcfi(/2/2/4/10/1:3)";
    expect(await placesOf({ percentage: 0.5, standing: [near] })).toEqual([]);
    expect(await placesOf({ percentage: 0.5, standing: [near, near] })).toEqual([]);
    for (const standing of [[], [far], [near, far], [near, ""], [""], ["epubcfi(/80/2/4)"]]) {
      expect(await placesOf({ percentage: 0.5, standing })).toEqual([half]);
    }
  });

  test("without a share there is no place", async () => {
    expect(await placesOf({ progress: "212" })).toEqual([]);
  });
});
