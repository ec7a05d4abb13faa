/** Folders of sidecars on the command line: with a server, and without any. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { partialMd5 } from "../../src/core/digest.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld, type Ended } from "../support/cli-world.ts";
import { writeSidecar } from "../support/sidecars.ts";

let world: CliWorld;
let card: string;

beforeAll(async () => {
  world = await createCliWorld();
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
  await world.calibredb("add_custom_column", "device", "Device", "text");
  card = join(world.calibre.folder, "card");
  mkdirSync(card);
  for (const id of [1, 2]) copyFileSync(world.libraryFile(id), join(card, `book${id}.epub`));
});

afterAll(() => world?.close());

function sync(...args: string[]): Promise<Ended> {
  const columns = ["--column", "percent=#percent", "--column", "device=#device"];
  return world.cli(["sync", "--library", world.library, ...columns, ...args]);
}

const digestOf = (id: number): string => partialMd5(readFileSync(world.libraryFile(id)));
const sidecarOf = (id: number): string => join(card, `book${id}.sdr`, "metadata.epub.lua");

async function cells(): Promise<unknown[][]> {
  const json = await world.calibredb(
    "list",
    "--for-machine",
    "-f",
    "*percent,*device",
    "--sort-by",
    "id",
    "--ascending",
  );
  return (JSON.parse(json) as Record<string, unknown>[]).map((row) => [
    row["*percent"] ?? null,
    row["*device"] ?? null,
  ]);
}

test("a folder alone fills the columns: no server, no account, and nothing to write a second time", async () => {
  writeSidecar(sidecarOf(1), { digest: digestOf(1), percent: 0.42 });
  const tried = await sync("--sidecars", card, "--device", "Kobo", "--dry-run", "--json");
  expect(tried).toMatchObject({ status: 0, stderr: "" });
  expect(JSON.parse(tried.stdout)).toMatchObject({ plan: { updates: [{ book_id: 1, after: 42 }, { after: "Kobo" }] } });
  expect(await cells()).toEqual([
    [null, null],
    [null, null],
  ]);
  // A dry run remembers nothing of the folder.
  const devices = join(world.calibre.folder, "config", "plugins", "koreader_progress", "devices");
  expect(existsSync(devices) ? readdirSync(devices) : []).toEqual([]);
  expect(await sync("--sidecars", card, "--device", "Kobo")).toMatchObject({
    status: 0,
    stderr: "Of 2 books: 2 values of 1 book written.\n",
  });
  expect(await cells()).toEqual([
    [42, "Kobo"],
    [null, null],
  ]);
  const again = await sync("--sidecars", card, "--device", "Kobo", "--json");
  expect(JSON.parse(again.stdout)).toMatchObject({ plan: { updates: [] }, written: [] });
});

test("a server is one more source", async () => {
  const pointer = "/body/DocFragment[2]/body/p[3]/text().7";
  writeSidecar(sidecarOf(2), { digest: digestOf(2), percent: 0.25, at: Date.now() / 1000 - 9_000 });
  await world.client.putProgress({
    document: digestOf(2),
    percentage: 0.6,
    progress: pointer,
    device: "Phone",
    device_id: "P",
  });
  const login = ["--url", world.server.url, "--user", USER, "--password-stdin"];
  const args = ["sync", "--library", world.library, "--column", "percent=#percent", ...login, "--sidecars", card];
  const ended = await world.cli([...args, "--policy", "newest", "--ids", "2"], PASSWORD);
  expect(ended).toMatchObject({ status: 0, stderr: "Of 1 book: 1 value of 1 book written.\n" });
  expect((await cells())[1]?.[0]).toBe(60);
});

test("the folders that were read are listed, with whose they are in a library", async () => {
  const alone = await world.cli(["devices"]);
  expect(alone).toMatchObject({ status: 0, stderr: "" });
  expect(alone.stdout).toMatch(/^\S+\t2\t\d{4}-\d\d-\d\d \d\d:\d\d\t.*card\n$/);
  const { stdout } = await world.cli(["devices", "--library", world.library, "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ devices: [{ folder: card, books: 2, whose: "unasked", profile: null }] });
});

test("a folder that is not there, or holds nothing of KOReader's, is named and changes nothing", async () => {
  const before = await cells();
  const away = join(world.calibre.folder, "away");
  expect(await sync("--sidecars", away)).toMatchObject({ status: 2, stdout: "" });
  // A step back, as book 2 would have here without the server, is asked: it is no part of this.
  const both = await sync("--sidecars", away, "--sidecars", card, "--ids", "1");
  expect(both).toMatchObject({ status: 0, stderr: expect.stringContaining(`lies in ${away}`) });
  expect(await cells()).toEqual(before);
  expect(await sync("--sidecars", card, "--sidecars", away, "--device", "X")).toMatchObject({ status: 2 });
  expect(await sync()).toMatchObject({ status: 2, stderr: expect.stringContaining("--url and --user are needed") });
});
