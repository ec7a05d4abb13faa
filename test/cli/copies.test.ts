/** `copies`, `link` and `unlink`: what a reader's file is called, and what to do when nobody can know. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { partialMd5 } from "../../src/core/digest.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld, type Ended } from "../support/cli-world.ts";

let world: CliWorld;

beforeAll(async () => {
  world = await createCliWorld();
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
});

afterAll(() => world?.close());

const onBook = (command: string, id: number, ...more: string[]): Promise<Ended> =>
  world.cli([command, "--library", world.library, "--id", String(id), ...more]);

async function digestsOf(id: number): Promise<{ digest: string; source: string; kind: string }[]> {
  const { status, stdout, stderr } = await onBook("copies", id, "--json");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return (JSON.parse(stdout) as { digests: { digest: string; source: string; kind: string }[] }).digests;
}

function sync(): Promise<Ended> {
  const login = ["--url", world.server.url, "--user", USER, "--password-stdin"];
  return world.cli(["sync", "--library", world.library, ...login, "--json", "--column", "percent=#percent"], PASSWORD);
}

test("a copy that left calibre is listed, and so is what a copy would be that nobody saw", async () => {
  const folder = join(world.calibre.folder, "exported");
  await world.calibredb("export", "--to-dir", folder, "--single-dir", "--dont-save-cover", "--dont-write-opf", "1");
  const copy = partialMd5(readFileSync(join(folder, "One - A.epub")));
  const digests = await digestsOf(1);
  expect(digests).toContainEqual(expect.objectContaining({ digest: copy, source: "written", kind: "partial_md5" }));
  expect(digests.filter(({ source }) => source === "predicted").length).toBeGreaterThan(3);
  const untouched = await digestsOf(2);
  expect(untouched.every(({ source }) => source === "predicted")).toBe(true);
});

test("a copy that left another calibre is known, whether the window names its folder or the command", async () => {
  const uuid = (await world.calibredb("list", "--for-machine", "-f", "uuid", "-s", "id:2")).match(
    /"uuid": "(.+?)"/,
  )?.[1];
  const logs = (name: string, digest: string): string => {
    const folder = join(world.calibre.folder, name);
    const copies = join(folder, "plugins", "koreader_progress", "copies");
    mkdirSync(copies, { recursive: true });
    const record = { at: 5, source: "written", uuid, kind: "partial_md5", digest, title: "Two" };
    writeFileSync(join(copies, "1-1-1.jsonl"), `${JSON.stringify(record)}\n`);
    return folder;
  };
  const [named, given] = ["ab".repeat(16), "cd".repeat(16)];
  const settings = join(world.calibre.folder, "config", "plugins", "koreader_progress.json");
  writeFileSync(settings, JSON.stringify({ copy_logs: [logs("named", named)] }));
  const gone = join(world.calibre.folder, "gone");
  const { stdout, stderr } = await onBook("copies", 2, "--copy-logs", logs("given", given), "--copy-logs", gone);
  rmSync(settings);
  expect(stdout).toContain(`${named}\tpartial_md5\twritten`);
  expect(stdout).toContain(`${given}\tpartial_md5\twritten`);
  expect(stderr).toBe(`The copy logs in ${gone} cannot be read.\n`);
});

test("the list is for people too, one line a digest", async () => {
  const { stdout } = await onBook("copies", 2);
  for (const line of stdout.trimEnd().split("\n"))
    expect(line).toMatch(/^[0-9a-f]{32}\t(partial_md5|filename)\tpredicted\t-\t-\t/);
});

describe("a document that nobody can match", () => {
  const stranger = createHash("md5").update("a file from elsewhere").digest("hex");

  test("is the book's once the reader has linked it, and no longer once it is unlinked", async () => {
    await world.client.putProgress({
      document: stranger,
      percentage: 0.42,
      progress: "/body/p.0",
      device: "Kobo",
      device_id: "K",
    });
    expect(JSON.parse((await sync()).stdout)).toMatchObject({ written: [] });

    expect(await onBook("link", 2, stranger)).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(JSON.parse((await sync()).stdout)).toMatchObject({
      written: [{ book_id: 2, column: "#percent", after: 42 }],
    });
    expect(await digestsOf(2)).toContainEqual(expect.objectContaining({ digest: stranger, source: "linked" }));

    expect(await onBook("unlink", 2, stranger)).toEqual({
      status: 0,
      stdout: "2\t#percent\t42\t\n",
      stderr: "These values are still as the digest wrote them; --restore puts back what stood there before.\n",
    });
    await world.client.putProgress({
      document: stranger,
      percentage: 0.6,
      progress: "/body/p.0",
      device: "Kobo",
      device_id: "K",
    });
    expect(JSON.parse((await sync()).stdout)).toMatchObject({ written: [] });
    expect((await digestsOf(2)).map(({ digest }) => digest)).not.toContain(stranger);
  });

  test("takes back what it wrote when the reader wants that, step by step, and only what nobody has changed since", async () => {
    const other = createHash("md5").update("another file from elsewhere").digest("hex");
    const read = (percentage: number): Promise<unknown> =>
      world.client.putProgress({ document: other, percentage, progress: "/body/p.0", device: "Kobo", device_id: "K" });
    const percent = async (): Promise<unknown> =>
      (JSON.parse(await world.calibredb("list", "--for-machine", "-f", "*percent", "-s", "id:2")) as object[])[0];

    // The first unlinking has left its value in the cell.
    expect(await percent()).toMatchObject({ "*percent": 42 });
    await onBook("link", 2, other);
    await read(0.5);
    await sync();
    await read(0.7);
    await sync();
    expect(await percent()).toMatchObject({ "*percent": 70 });
    const taken = await onBook("unlink", 2, "--restore", other);
    expect(taken).toMatchObject({ status: 0, stderr: "" });
    expect(await percent()).toMatchObject({ "*percent": 42 });

    // What was changed by hand meanwhile is the reader's.
    await world.calibredb("set_custom", "percent", "2", "55");
    expect(await onBook("unlink", 2, "--restore", stranger)).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(await percent()).toMatchObject({ "*percent": 55 });
  });
});

describe("bad input", () => {
  test.each([
    [
      "a digest that is none",
      ["link", "1", "hello"],
      "link: name one digest, 32 hexadecimal digits as KOReader and the server know it.\n",
    ],
    ["a book that is not there", ["copies", "99"], "The library has no book 99.\n"],
    ["a number that is none", ["copies", "one"], "copies: --id wants a book's number.\n"],
  ])("%s is told in one sentence", async (_, [command = "", id = "", ...more], stderr) => {
    expect(await world.cli([command, "--library", world.library, "--id", id, ...more])).toEqual({
      status: 2,
      stdout: "",
      stderr,
    });
  });
});
