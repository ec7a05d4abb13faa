/** `doctor`, through the built program: what works and what does not, and nobody's name in it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCliWorld, PASSWORD, USER, type CliWorld, type Ended } from "../support/cli-world.ts";

let world: CliWorld;
let card: string;
let digest: string;

beforeAll(async () => {
  world = await createCliWorld();
  card = join(world.calibre.folder, "card");
  mkdirSync(join(card, "One.sdr"), { recursive: true });
  const copies = await world.cli(["copies", "--library", world.library, "--id", "1", "--json"]);
  const listed = JSON.parse(copies.stdout) as { digests: { digest: string; kind: string }[] };
  digest = listed.digests.find(({ kind }) => kind === "partial_md5")?.digest ?? "";
}, 120_000);

afterAll(() => world?.close());

function doctor(url: string, password: string, ...more: string[]): Promise<Ended> {
  return world.cli(["doctor", "--url", url, "--user", USER, "--password-stdin", ...more], password);
}

/** Whoever pastes it tells nothing of themselves. */
function expectNobody({ stdout }: Ended): void {
  for (const name of [USER, PASSWORD, world.server.url, world.library, card, "One"]) expect(stdout).not.toContain(name);
}

test("a book and a reader's card are told of, and how far both know it", async () => {
  const place = { progress: "/body/DocFragment[1]/body/p[1]/text().0", device: "Kobo", device_id: "K" };
  await world.client.putProgress({ document: digest, percentage: 0.25, ...place });
  writeFileSync(
    join(card, "One.sdr", "metadata.epub.lua"),
    `return { ["partial_md5_checksum"] = "${digest}", ["percent_finished"] = 0.5 }`,
  );
  const book = ["--library", world.library, "--id", "1", "--device", card];
  const ended = await doctor(world.server.url, PASSWORD, ...book);
  const short = digest.slice(0, 8);
  expect(ended.stdout.split("\n")).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^calibre \d/),
      "+ address: A kosync server answers at this address.",
      "+ login: The server lets this user in.",
      expect.stringMatching(`^\\+ book: The server knows its digest ${short}… \\(partial_md5, \\w+\\) at 25\\.0 %\\.$`),
      expect.stringMatching(/^\+ matching: Documents are matched by: binary\./),
      "+ device: 0 books, 1 sidecars of KOReader.",
      `+ device: A sidecar there is of this book (${short}…), at 50.0 %.`,
    ]),
  );
  expect(ended.status).toBe(0);
  expectNobody(ended);
}, 120_000);

test.each([
  ["a wrong password", (url: string) => doctor(url, "wrong"), "- login:"],
  ["a server that is gone", () => doctor("http://127.0.0.1:9", PASSWORD), "- address:"],
])("%s is what is bad, and the exit code says so", async (_name, ask, line) => {
  const ended = await ask(world.server.url);
  expect(ended.stdout).toContain(line);
  expect(ended.status).toBe(1);
  expectNobody(ended);
});

test("as JSON it is one object, without the address", async () => {
  const ended = await doctor(world.server.url, PASSWORD, "--json");
  const told = JSON.parse(ended.stdout) as { findings: unknown[] };
  expect(told).toMatchObject({ calibre: "calibre was not asked", card: null, checks: expect.any(Array) as unknown });
  expect(told.findings.length).toBeGreaterThan(2);
  expectNobody(ended);
});

test("a card that is not there, and a book without its library, are told before anything is asked", async () => {
  const lost = await doctor(world.server.url, PASSWORD, "--device", join(card, "nowhere"));
  expect([lost.status, lost.stdout]).toEqual([2, ""]);
  expect(lost.stderr).not.toContain("    at ");
  const half = await doctor(world.server.url, PASSWORD, "--id", "1");
  expect(half).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("--library and --id go together") as unknown,
  });
}, 60_000);
