import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBookText } from "../../src/app/book/text.ts";
import { convertPosition } from "../../src/app/book/convert.ts";
import { placesInLibrary } from "../../src/app/places.ts";
import type { KosyncClient } from "../../src/app/ports.ts";
import { preparePush, push } from "../../src/app/push.ts";
import { compose, openBookArchive, startServer, type Outside } from "../../src/compose.ts";
import type { Account } from "../../src/model/account.ts";
import type { BookFormat } from "../../src/model/plan.ts";
import type { KnownDigest } from "../../src/model/digest.ts";
import type { KeptPlace, PushPlan } from "../../src/model/push.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { answerOf, profileOf, readingOf } from "../core/samples.ts";
import { temporaryFolder, writeEpub, xhtml } from "../support/positions.ts";

const folder = temporaryFolder();
const RUNNING = { signal: new AbortController().signal, progress: () => {} };
const SENTENCES = Array.from({ length: 200 }, (_, at) => `Sentence number ${at} of this small book is told here.`);
const PLAIN = xhtml(SENTENCES.map((text) => `<p>${text}</p>`).join(""));
// As a Kobo wants it: every sentence in a span of its own.
const KOBO = xhtml(
  SENTENCES.map((text, at) => `<p><span class="koboSpan" id="kobo.${at}.1">${text}</span></p>`).join(""),
);
const CFI = "epubcfi(/2/2/4/202/1:9)";

let server: RunningServer;
let outside: Outside;
let client: KosyncClient;
let account: Account;
const formats: Record<string, BookFormat> = {};
const documents: Record<string, string> = {};

beforeAll(async () => {
  server = await startServer({ port: 0, registration: "open" });
  outside = await compose({ cache_folder: null });
  const userkey = createHash("md5").update("password").digest("hex");
  account = { id: "a", url: server.url, username: "anna", userkey, headers: {}, tls: { mode: "system" }, proxy: null };
  client = await outside.openClient(account);
  await client.register();
  const protectedBy = `<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData><enc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/><enc:CipherData><enc:CipherReference URI="OEBPS/a.xhtml"/></enc:CipherData></enc:EncryptedData></encryption>`;
  const made: readonly [name: string, format: string, content: string, extra?: Record<string, string>][] = [
    ["plain.epub", "EPUB", PLAIN],
    ["kobo.kepub", "KEPUB", KOBO],
    ["other.epub", "EPUB", xhtml("<p>Quite another text.</p>".repeat(300))],
    ["drm.epub", "EPUB", PLAIN, { "META-INF/encryption.xml": protectedBy }],
  ];
  for (const [name, format, content, extra] of made) {
    const path = await writeEpub(
      join(folder, name),
      [{ name: "a.xhtml", content }],
      extra === undefined ? {} : { extra },
    );
    const { size, mtimeMs } = statSync(path);
    formats[name] = { format, path, size, mtime: mtimeMs / 1000 };
    documents[name] = (await outside.files.digest(path)).partial_md5;
  }
});

afterAll(async () => {
  await client?.close();
  await outside?.close();
  await server?.stop();
});

const formatOf = (name: string): BookFormat => formats[name] ?? { format: "", path: "", size: 0, mtime: 0 };

function sent(digest: string, content_key: string | null, format = "EPUB"): KnownDigest {
  return { ...answerOf({ document: digest, source: "sent", content_key }).candidate, format };
}

/** Plans the push of one place in the first of these files. */
async function plan(
  names: string[],
  { digests = [], cfi = CFI, at = Date.now() / 1000 + 60 }: { digests?: KnownDigest[]; cfi?: string; at?: number } = {},
): Promise<PushPlan> {
  const place: KeptPlace = { source: "viewer", format: "EPUB", cfi, at, delivered: null };
  const { book } = readingOf({ records: [], formats: names.map(formatOf), digests });
  const request = { books: [{ book, places: [place] }], account, profile: profileOf({}), typed: false };
  return preparePush(request, outside, RUNNING);
}

async function textIn(name: string, position: string): Promise<string> {
  const book = await openBookText(formatOf(name).path, openBookArchive);
  try {
    return (await convertPosition(book, position, "xpointer")).text;
  } finally {
    await book.close();
  }
}

async function keyOf(name: string): Promise<string | null> {
  const book = await openBookText(formatOf(name).path, openBookArchive);
  try {
    return await book.contentKey();
  } finally {
    await book.close();
  }
}

test("a place goes to the copy that has the same bytes, at the same characters", async () => {
  const document = documents["plain.epub"] ?? "";
  const { puts } = await plan(["plain.epub"], { digests: [sent(document, null)] });
  expect(puts).toMatchObject([{ document, why: { code: "push_first" } }]);
  expect(await textIn("plain.epub", puts[0]?.progress ?? "")).toMatch(/^number 100 of this small book/);
});

test("a copy with other metadata is known by its content key, and one of another text gets nothing", async () => {
  const copies = [sent("b".repeat(32), await keyOf("plain.epub")), sent("c".repeat(32), await keyOf("other.epub"))];
  const { puts } = await plan(["plain.epub"], { digests: copies });
  expect(puts.map(({ document }) => document)).toEqual(["b".repeat(32)]);
  const alone = await plan(["plain.epub"], { digests: copies.slice(1) });
  expect(alone).toMatchObject({ puts: [], skipped: [{ reason: { code: "push_not_verified" } }] });
});

test("the KEPUB of the same text gets the place in its own words, and gives its own back", async () => {
  const document = documents["kobo.kepub"] ?? "";
  const names = ["plain.epub", "kobo.kepub"];
  const { puts } = await plan(names, { digests: [sent(document, null, "KEPUB")] });
  expect(puts[0]?.progress).toContain("/span[1]/");
  expect(await textIn("kobo.kepub", puts[0]?.progress ?? "")).toMatch(/^number 100 of this small book/);
  const request = {
    book_id: 1,
    formats: names.map(formatOf),
    digests: [],
    document,
    progress: puts[0]?.progress ?? "",
  };
  const [answer] = await placesInLibrary([request], outside, RUNNING);
  expect(answer?.places).toMatchObject([{ format: "EPUB", cfi: CFI, quality: "text" }]);
});

test("a copy of which nothing is known is trusted only where its own last place is found exactly", async () => {
  const document = "d".repeat(32);
  const record = { document, percentage: 0.1, device: "Kobo", device_id: "K" };
  await client.putProgress({ ...record, progress: "/body/DocFragment[9]/body/p[3]/text()[1].0" });
  const strange = await plan(["plain.epub"], { digests: [sent(document, null)] });
  expect(strange).toMatchObject({ puts: [], skipped: [{ reason: { code: "push_not_verified" } }] });
  await client.putProgress({ ...record, progress: "/body/DocFragment[1]/body/p[21]/text()[1].0" });
  const known = await plan(["plain.epub"], { digests: [sent(document, null)] });
  expect(known.puts).toMatchObject([{ document, before: { percentage: 0.1 } }]);
});

test.each([
  ["a protected book's place", "drm.epub", CFI, "push_protected"],
  ["a place that the file does not have any more", "plain.epub", "epubcfi(/80/2/4/2/1:1)", "push_place_lost"],
  ["a place in a file that is gone", "gone.epub", CFI, "push_unreadable"],
])("%s is not sent, and it is said why", async (_what, name, cfi, code) => {
  formats["gone.epub"] = { format: "EPUB", path: "/nowhere/gone.epub", size: 1, mtime: 1 };
  const { puts, skipped } = await plan([name], { cfi, digests: [sent("d".repeat(32), null)] });
  expect(puts).toEqual([]);
  expect(skipped).toMatchObject([{ reason: { code, data: { format: "EPUB" } } }]);
});

test("a percentage typed for one book points at the block that stands there", async () => {
  const document = documents["plain.epub"] ?? "";
  const { book } = readingOf({
    records: [],
    formats: [formatOf("plain.epub")],
    digests: [sent(document, null)],
    cells: { "#pct": 50 },
  });
  const request = { books: [{ book, places: [] }], account, profile: profileOf({}), typed: true };
  const { puts } = await preparePush(request, outside, RUNNING);
  expect(puts).toMatchObject([{ document, percentage: 0.5 }]);
  // The first ten sentences are a letter or two shorter: half of the characters lie in the 102nd.
  expect(await textIn("plain.epub", puts[0]?.progress ?? "")).toMatch(/^Sentence number 101 /);
  expect((await preparePush({ ...request, typed: false }, outside, RUNNING)).puts).toEqual([]);
});

test("what changed on the server between plan and push is left as it is", async () => {
  const document = documents["plain.epub"] ?? "";
  const { puts } = await plan(["plain.epub"], { digests: [sent(document, null)] });
  await client.putProgress({ document, percentage: 0.3, progress: "/body/x", device: "Kobo", device_id: "K" });
  const results = await push({ account, library_id: "l", puts }, outside.openClient, RUNNING);
  expect(results).toMatchObject([{ outcome: "changed" }]);
  expect(await client.getProgress(document)).toMatchObject({ device: "Kobo", percentage: 0.3 });
});
