/** What the command line does where a person would be asked: leave it, list it, or decide it by `--policy`. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { partialMd5 } from "../../src/core/digest.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld, type Ended } from "../support/cli-world.ts";

let world: CliWorld;
let clock = 0;

beforeAll(async () => {
  world = await createCliWorld();
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
});

afterAll(() => world?.close());

function sync(...more: string[]): Promise<Ended> {
  const login = ["--url", world.server.url, "--user", USER, "--password-stdin"];
  const column = ["--column", "percent=#percent", "--ids", "1"];
  return world.cli(["sync", "--library", world.library, ...login, ...column, ...more], PASSWORD);
}

async function push(percentage: number): Promise<void> {
  const document = partialMd5(readFileSync(world.libraryFile(1)));
  clock += 1;
  const progress = `/body/DocFragment[2]/body/p[${clock}]/text().0`;
  await world.client.putProgress({ document, percentage, progress, device: "Kobo", device_id: "KOBO" });
}

async function percent(): Promise<unknown> {
  const json = await world.calibredb("list", "--for-machine", "-f", "*percent", "--sort-by", "id", "--ascending");
  return (JSON.parse(json) as Record<string, unknown>[])[0]?.["*percent"];
}

describe("a device that went back a long way", () => {
  beforeEach(async () => {
    await push(0.8);
    await sync("--policy", "server");
    await push(0.2);
  });

  test("is left, listed with its reason, and makes exit code 1", async () => {
    const { status, stdout } = await sync("--explain");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^1\tOne\tundecided\t.*(80 %.*20 %|20 %.*80 %)/);
    expect(await percent()).toBe(80);
  });

  test("is followed with --policy server, and not asked again", async () => {
    expect((await sync("--policy", "server")).status).toBe(0);
    expect(await percent()).toBe(20);
    const again = await sync("--json");
    expect(again.status).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ plan: { updates: [], conflicts: [] }, written: [] });
  });

  test("is left with --policy newest as well, and what --policy server takes is not told as never taken", async () => {
    const newest = await sync("--policy", "newest", "--explain");
    expect(newest.status).toBe(1);
    expect(newest.stdout).toMatch(/^1\tOne\tundecided\t/);
    expect(await percent()).toBe(80);
    expect((await sync("--policy", "server", "--explain")).stdout).toMatch(
      /^1\tOne\t#percent\t80\t20\t.*prefer the server/,
    );
  });

  test("is refused with --policy library, and not asked again", async () => {
    expect((await sync("--policy", "library")).status).toBe(0);
    expect(await percent()).toBe(80);
    const again = await sync("--json");
    expect(again.status).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ plan: { updates: [], conflicts: [] }, written: [] });
  });
});

test("a dry run explains every decision and writes none", async () => {
  await push(0.9);
  const before = await percent();
  const { stdout } = await sync("--dry-run", "--explain");
  expect(stdout.split("\n")[0]).toMatch(/^1\tOne\t#percent\t\d+\t90\t.+\.$/);
  expect(await percent()).toBe(before);
});

test("a policy that is none is refused with the list of those that are", async () => {
  expect(await sync("--policy", "mine")).toEqual({
    status: 2,
    stdout: "",
    stderr: "sync: --policy is one of newest, furthest, server, library, ask.\n",
  });
});
