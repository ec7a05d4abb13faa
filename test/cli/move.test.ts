/** Reading moves from a server that is gone to another one, through the built program, real calibre and real servers. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KosyncClient } from "../../src/app/ports.ts";
import { openKosyncClient, startServer } from "../../src/compose.ts";
import { partialMd5 } from "../../src/core/digest.ts";
import { userkeyOf } from "../../src/core/md5.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { createCliWorld, PASSWORD, USER, type CliWorld, type Ended } from "../support/cli-world.ts";
import { accountOf } from "../support/models.ts";

const PLACE = { progress: "/body/DocFragment[1]/body/p[3]/text().0", device: "Kobo", device_id: "K" };

let world: CliWorld;
let other: RunningServer;
let client: KosyncClient;
let document: string;

beforeAll(async () => {
  world = await createCliWorld();
  other = await startServer({ port: 0, registration: "open" });
  client = await openKosyncClient(accountOf({ url: other.url, username: USER, userkey: userkeyOf(PASSWORD) }));
  await client.register();
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
  document = partialMd5(readFileSync(world.libraryFile(1)));
  await world.client.putProgress({ document, percentage: 0.4, ...PLACE });
  const first = await sync(world.server.url);
  if (first.status !== 0) throw new Error(first.stderr);
  // The old server answers nobody any more.
  await world.server.stop();
}, 180_000);

afterAll(async () => {
  await client?.close();
  await other?.stop();
  await world?.close();
});

const login = (url: string): string[] => ["--url", url, "--user", USER, "--password-stdin", "--library", world.library];

function sync(url: string): Promise<Ended> {
  return world.cli(["sync", ...login(url), "--column", "percent=#percent", "--json"], PASSWORD);
}

function move(...more: string[]): Promise<Ended> {
  return world.cli(["move", ...login(other.url), "--from", world.server.url, ...more], PASSWORD);
}

test("a dry run says what would be moved, and moves nothing", async () => {
  const { status, stdout, stderr } = await move("--dry-run", "--explain");
  expect(stdout).toContain(`1\t${document}\t40.00 %\twould be moved\tThe server knows nothing of this copy`);
  expect(stderr).toContain("1 of 1 remembered books with a place: 1 would be moved.");
  expect(status).toBe(0);
  expect(await client.getProgress(document)).toBeNull();
}, 60_000);

test("the place is put there once, and the library goes on as if it had never been elsewhere", async () => {
  const first = await move();
  expect(first).toMatchObject({ status: 0, stdout: `1\t${document}\t40.00 %\tmoved\n` });
  expect(await client.getProgress(document)).toMatchObject({ percentage: 0.4, progress: PLACE.progress });
  expect((await move("--json")).stdout).toContain('"outcome":"not_needed"');

  const quiet = JSON.parse((await sync(other.url)).stdout) as { plan: Record<string, unknown[]> };
  expect(quiet.plan).toMatchObject({ updates: [], conflicts: [] });
  await client.putProgress({
    document,
    percentage: 0.6,
    ...PLACE,
    progress: "/body/DocFragment[2]/body/p[1]/text().0",
  });
  const read = JSON.parse((await sync(other.url)).stdout) as { written: unknown[] };
  expect(read.written).toMatchObject([{ column: "#percent", before: 40, after: 60 }]);
}, 120_000);

test("an account that the library knows nothing of is told by what was typed", async () => {
  const ended = await world.cli(["move", ...login(other.url), "--from", "https://never.example"], PASSWORD);
  expect(ended.status).toBe(2);
  expect(ended.stderr).toContain(`The library remembers nothing of "${USER}" on https://never.example`);
  const same = await world.cli(["move", ...login(other.url), "--from", other.url], PASSWORD);
  expect(same).toMatchObject({ status: 2, stderr: expect.stringContaining("That is the account") as unknown });
}, 60_000);
