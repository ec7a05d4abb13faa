/** The same vectors are read by `content_key.py` beside the plugin's tests: both languages make one key. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { expect, test } from "vitest";
import { openBookText } from "../../../src/app/book/text.ts";
import { openBookArchive } from "../../../src/io/books/epub.ts";
import { SyncError } from "../../../src/model/error.ts";
import { ContentKey } from "../../../src/model/digest.ts";
import { temporaryFolder } from "../../support/positions.ts";
import { writeRawZip } from "../../support/raw-zip.ts";

const Key = ContentKey.nullable();
const vectors = z
  .object({
    page: z.string(),
    container: z.string(),
    package: z.string(),
    names: z.array(z.object({ says: z.string(), name: z.string(), utf8: z.boolean(), href: z.string(), key: Key })),
    books: z.array(z.object({ says: z.string(), files: z.record(z.string(), z.string()), key: Key })),
  })
  .parse(JSON.parse(readFileSync(new URL("../../fixtures/content-key-vectors.json", import.meta.url), "utf8")));

const folder = temporaryFolder();
let made = 0;

async function keyOf(files: ReadonlyArray<{ name: Uint8Array; utf8: boolean; data: string }>): Promise<string | null> {
  made += 1;
  const book = await openBookText(writeRawZip(join(folder, `${made}.epub`), files), openBookArchive);
  try {
    return await book.contentKey();
  } finally {
    await book.close();
  }
}

test.each(vectors.names)("a chapter is found or not: $says", async ({ name, utf8, href, key }) => {
  const files = {
    "META-INF/container.xml": vectors.container,
    "OEBPS/content.opf": vectors.package.replace("HREF", () => href),
  };
  const chapter = { name: Buffer.from(name, "hex"), utf8, data: vectors.page };
  expect(await keyOf([...entriesOf(files), chapter])).toBe(key);
});

test.each(vectors.books)("one key for one text, none for what cannot be told apart: $says", async ({ files, key }) => {
  const found = await keyOf(entriesOf(files)).catch((error: unknown) => {
    // A book that cannot be opened at all has no key either.
    if (error instanceof SyncError && error.kind === "BookUnreadable") return null;
    throw error;
  });
  expect(found).toBe(key);
});

function entriesOf(files: Readonly<Record<string, string>>): Array<{ name: Uint8Array; utf8: boolean; data: string }> {
  return Object.entries(files).map(([name, data]) => ({ name: Buffer.from(name), utf8: true, data }));
}
