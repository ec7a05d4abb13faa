/** `koreader-progress log`: what a library remembers of its reading, as CSV and JSON. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { partialMd5 } from "../../src/core/digest.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld, type Ended } from "../support/cli-world.ts";

let world: CliWorld;

const log = (...more: string[]): Promise<Ended> => world.cli(["log", "--library", world.library, ...more]);

beforeAll(async () => {
  world = await createCliWorld();
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
  const document = partialMd5(readFileSync(world.libraryFile(1)));
  const login = ["--url", world.server.url, "--user", USER, "--password-stdin", "--column", "percent=#percent"];
  for (const percentage of [0.1, 0.4]) {
    const progress = `/body/DocFragment[${percentage * 10}].0`;
    await world.client.putProgress({ document, percentage, progress, device: "Kobo, the old one", device_id: "K" });
    await world.cli(["sync", "--library", world.library, ...login], PASSWORD);
  }
});

afterAll(() => world?.close());

test("every observation is a row of the CSV, quoted where it must be", async () => {
  const { status, stdout, stderr } = await log();
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const [head, ...rows] = stdout.trimEnd().split("\r\n");
  expect(head).toBe("title,authors,uuid,read_at,heard_at,percentage,device,document,progress");
  expect(rows).toHaveLength(2);
  expect(rows[1]).toMatch(/^One,A,[0-9a-f-]{36},\d{4}-.+,0\.4,"Kobo, the old one",[0-9a-f]{32},\/body/);
});

test("the JSON tells each book's story", async () => {
  const { stdout } = await log("--format", "json", "--ids", "1");
  expect(JSON.parse(stdout)).toMatchObject([
    {
      title: "One",
      story: { days: [expect.any(String)], times_read: 0, points: [{ percentage: 0.1 }, { percentage: 0.4 }] },
      observations: [{ percentage: 0.1 }, { percentage: 0.4, device: "Kobo, the old one" }],
    },
  ]);
});

test("a book without a log is left out, and the library is left as it was", async () => {
  const before = readFileSync(join(world.library, "metadata.db"));
  const { stdout } = await log("--ids", "2");
  expect(stdout.trimEnd().split("\r\n")).toHaveLength(1);
  expect(readFileSync(join(world.library, "metadata.db")).equals(before)).toBe(true);
});
