import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withContentKeys } from "../../src/app/places.ts";
import { compose, type Outside } from "../../src/compose.ts";
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
    { name: "a.xhtml", content: xhtml("<p>A text.</p>") },
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
