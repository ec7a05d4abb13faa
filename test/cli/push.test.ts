/** The place itself, both ways, through the built program, real calibre, its desktop viewer and a real server. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBookText } from "../../src/app/book/text.ts";
import { describePosition, type DescribedPosition } from "../../src/app/book/convert.ts";
import { charactersBetween, ONE_PLACE } from "../../src/app/book/same-place.ts";
import { openBookArchive } from "../../src/compose.ts";
import { partialMd5 } from "../../src/core/digest.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld } from "../support/cli-world.ts";
import { evidence } from "../support/positions.ts";
import { annotations, annotationsPath, lastRead, readInViewer } from "../support/viewer.ts";

const BOOK = 3;
/** In chapter III: "“Ahem!” said the Mouse with an important air". */
const THERE = "/body/DocFragment[5]/body/div[1]/p[4]/text()[1].0";

let world: CliWorld;
let path: string;

beforeAll(async () => {
  world = await createCliWorld();
  await world.calibredb("add", evidence("alice.epub"));
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
  await world.calibredb("add_custom_column", "place", "Place", "text");
  path = world.libraryFile(BOOK);
}, 120_000);

afterAll(() => world?.close());

async function command(name: "sync" | "push", ...more: string[]): Promise<{ status: number | null; said: Report }> {
  const login = ["--url", world.server.url, "--user", USER, "--password-stdin", "--library", world.library];
  const columns = ["--column", "percent=#percent", "--column", "place=#place", "--ids", `${BOOK}`];
  const { status, stdout, stderr } = await world.cli([name, ...login, ...columns, ...more, "--json"], PASSWORD);
  if (stdout === "") throw new Error(stderr);
  return { status, said: JSON.parse(stdout) as Report };
}

interface Report {
  plan: Record<string, unknown[]>;
  written: unknown[];
  results?: { put: { document: string; progress: string; percentage: number }; outcome: string }[];
}

async function describe(position: string): Promise<DescribedPosition> {
  const book = await openBookText(path, openBookArchive);
  try {
    return await describePosition(book, position);
  } finally {
    await book.close();
  }
}

async function distance(one: string, other: string): Promise<number | null> {
  const book = await openBookText(path, openBookArchive);
  try {
    return await charactersBetween(book, one, other);
  } finally {
    await book.close();
  }
}

function document(): string {
  return partialMd5(readFileSync(path));
}

let koreaders = "";

test("where KOReader stopped is told in words, and the viewer opens there", async () => {
  koreaders = document();
  const bytes = readFileSync(path);
  await world.client.putProgress({
    document: koreaders,
    percentage: 0.21,
    progress: THERE,
    device: "Kobo",
    device_id: "KOBO",
  });
  const there = await describe(THERE);
  const { status, said } = await command("sync");
  expect(status).toBe(0);
  expect(said.written).toMatchObject([
    { column: "#percent", after: 21 },
    { column: "#place", after: `${there.words?.chapter}: ${there.words?.sentence}` },
  ]);
  expect(lastRead(world.calibre, path)?.pos).toBe(there.cfi);
  expect(readFileSync(path).equals(bytes), "the book's file is as it was").toBe(true);

  const shown = await readInViewer(world.calibre, path);
  expect((await describe(shown.pos)).file).toBe(there.file);
  expect(await distance(shown.pos, THERE)).toBeLessThan(ONE_PLACE);
}, 180_000);

test("what the viewer shows of it is not sent back", async () => {
  const { status, said } = await command("push");
  expect(status).toBe(0);
  expect(said.plan).toMatchObject({
    puts: [],
    skipped: [{ book_id: BOOK, reason: { code: "push_came_from_server" } }],
  });
}, 120_000);

test("where the viewer stopped is put under the reader's own copy, at the same sentence", async () => {
  const read = await readInViewer(world.calibre, path, "epubcfi(/16/2/4/2/20/1:10)");
  const { status, said } = await command("push");
  expect(said).toMatchObject({ results: [{ outcome: "put", put: { document: koreaders } }] });
  expect(status).toBe(0);
  const record = await world.client.getProgress(koreaders);
  expect(record).toMatchObject({ device: "calibre", device_id: expect.stringMatching(/^calibre-push-[0-9a-f]{16}$/) });
  const sent = await describe(record?.progress ?? "");
  const shown = await describe(read.pos);
  expect(sent).toMatchObject({ kind: "xpointer", file: shown.file, words: shown.words });
  expect(sent.words?.sentence).not.toBe("");
  expect(record?.percentage).toBe(shown.percentage);
}, 180_000);

test("and the next sync finds both sides agreed", async () => {
  const { status, said } = await command("sync");
  expect(status).toBe(0);
  expect(said).toMatchObject({ plan: { updates: [], conflicts: [] }, written: [] });
  expect((await command("push")).said).toMatchObject({ plan: { puts: [] }, results: [] });
}, 120_000);

test("a library file that was packed again since is still known as the reader's text", async () => {
  const bytes = readFileSync(path);
  // The time of the first entry: nothing that anybody reads, but KOReader's digest sees it.
  bytes[10] = 1 ^ (bytes[10] ?? 0);
  writeFileSync(path, bytes);
  expect(document()).not.toBe(koreaders);
  await readInViewer(world.calibre, path, "epubcfi(/20/2/4/2/16/1:0)");
  const { said } = await command("push");
  expect(said.results).toMatchObject([{ outcome: "put", put: { document: koreaders } }]);
}, 180_000);

test("a newer place of the viewer's is left, and so are its bookmarks and highlights", async () => {
  const kept = annotations(world.calibre, path).filter((entry) => (entry as { type: string }).type !== "last-read");
  expect(kept.length, `${annotationsPath(world.calibre, path)} has other entries`).toBeGreaterThan(0);
  await world.client.putProgress({
    document: koreaders,
    percentage: 0.9,
    progress: "/body/DocFragment[12]/body/div[1]/p[4]/text()[1].0",
    device: "Kobo",
    device_id: "KOBO",
  });
  const later = await readInViewer(world.calibre, path, "epubcfi(/14/2/4/2/20/1:10)");
  await command("sync");
  expect(lastRead(world.calibre, path)).toEqual(later);
  const others = annotations(world.calibre, path).filter((entry) => (entry as { type: string }).type !== "last-read");
  expect(others).toEqual(kept);
}, 180_000);
