/** A place follows the book: read on a copy made by hand, offered on the copy that calibre sends next. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { partialMd5 } from "../../src/core/digest.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld } from "../support/cli-world.ts";

let world: CliWorld;

beforeAll(async () => {
  world = await createCliWorld();
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
});

afterAll(() => world?.close());

async function sync(): Promise<{ carried: unknown[] }> {
  const login = ["--url", world.server.url, "--user", USER, "--password-stdin"];
  const column = ["--column", "percent=#percent", "--json"];
  const { status, stdout, stderr } = await world.cli(
    ["sync", "--library", world.library, ...login, ...column],
    PASSWORD,
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout) as { carried: unknown[] };
}

test("the new copy is offered the old one's place, once, and the column says nothing new", async () => {
  const byHand = partialMd5(readFileSync(world.libraryFile(1)));
  const progress = "/body/DocFragment[2]/body/p[3]/text().7";
  await world.client.putProgress({ document: byHand, percentage: 0.37, progress, device: "Kobo", device_id: "KOBO" });
  expect(await sync()).toMatchObject({ carried: [] });

  const folder = join(world.calibre.folder, "sent");
  await world.calibredb("export", "--to-dir", folder, "--single-dir", "--dont-save-cover", "--dont-write-opf", "1");
  const sent = partialMd5(readFileSync(join(folder, "One - A.epub")));
  expect(sent).not.toBe(byHand);
  expect(await sync()).toMatchObject({
    carried: [{ carry_over: { document: sent }, outcome: "carried" }],
    written: [],
  });
  expect(await world.client.getProgress(sent)).toMatchObject({ percentage: 0.37, progress, device: "calibre" });
  expect(await world.client.getProgress(byHand)).toMatchObject({ device: "Kobo" });

  expect(await sync()).toMatchObject({ carried: [], written: [] });
});
