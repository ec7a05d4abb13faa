/** Two programs and one library: what only looks needs no turn, and what writes may wait for it. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { partialMd5 } from "../../src/core/digest.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld, type Ended } from "../support/cli-world.ts";

let world: CliWorld;

beforeAll(async () => {
  world = await createCliWorld();
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
  const document = partialMd5(readFileSync(world.libraryFile(1)));
  await world.client.putProgress({ document, percentage: 0.37, progress: "/body/p.0", device: "Kobo", device_id: "K" });
}, 120_000);

afterAll(() => world?.close());

const line = (...more: string[]): string[] => [
  "sync",
  "--library",
  world.library,
  "--url",
  world.server.url,
  "--user",
  USER,
  "--password-stdin",
  "--column",
  "percent=#percent",
  "--ids",
  "1",
  ...more,
];

/** Another calibre with this library open, and a write of it begun but not ended; `letGo` ends both. */
async function openElsewhere(): Promise<{ letGo: () => Promise<void> }> {
  const holder = join(world.calibre.folder, "hold.py");
  const script = [
    "import sys, sqlite3",
    "from calibre.utils.lock import singleinstance",
    "assert singleinstance('db')",
    `db = sqlite3.connect(${JSON.stringify(join(world.library, "metadata.db"))}, isolation_level=None)`,
    "db.create_function('title_sort', 1, str)",
    "db.execute('BEGIN IMMEDIATE')",
    "db.execute('UPDATE books SET title = ? WHERE id = 1', ('Half written',))",
    "print('held', flush=True)",
    "sys.stdin.read()",
    "db.execute('ROLLBACK')",
  ];
  writeFileSync(holder, `${script.join("\n")}\n`);
  const child = spawn(world.calibre.program("calibre-debug"), ["-e", holder], { env: world.calibre.env });
  const gone = new Promise<void>((done) => child.on("close", () => done()));
  await new Promise((held) => child.stdout.once("data", held));
  const letGo = (): Promise<void> => {
    child.stdin.end();
    return gone;
  };
  return { letGo };
}

test("beside an open calibre a dry run works, and what only reads", async () => {
  const { letGo } = await openElsewhere();
  try {
    const dry = await world.cli(line("--dry-run"), PASSWORD);
    expect(dry).toEqual({
      status: 0,
      stderr: "Of 1 book: 1 value of 1 book would be written.\n",
      stdout: "1\tOne\t#percent\t\t37\n",
    });
    const copies = await world.cli(["copies", "--library", world.library, "--id", "1"]);
    expect(copies).toMatchObject({ status: 0, stderr: "" });
    const log = await world.cli(["log", "--library", world.library]);
    expect(log).toMatchObject({ status: 0, stderr: "" });
    expect(await world.cli(line(), PASSWORD)).toMatchObject({ status: 2, stdout: "" });
  } finally {
    await letGo();
  }
});

test("with --wait a sync says that it waits, and goes on when the other program has ended", async () => {
  const { letGo } = await openElsewhere();
  const child = spawn(process.execPath, [resolve("dist/cli.mjs"), ...line("--wait")], { env: world.calibre.env });
  const ended: Ended = { status: null, stdout: "", stderr: "" };
  const closed = new Promise<number | null>((done) => child.on("close", done));
  child.stdout.on("data", (chunk: Buffer) => (ended.stdout += chunk.toString()));
  const waits = new Promise<void>((told) => {
    child.stderr.on("data", (chunk: Buffer) => {
      ended.stderr += chunk.toString();
      told();
    });
  });
  child.stdin.end(PASSWORD);
  await waits;
  await letGo();
  const status = await closed;
  expect({ ...ended, status }).toEqual({
    status: 0,
    stderr: "Another calibre program is running; waiting until it ends.\nOf 1 book: 1 value of 1 book written.\n",
    stdout: "1\tOne\t#percent\t\t37\n",
  });
});

test("Ctrl-C ends the waiting, and nothing was written", async () => {
  const { letGo } = await openElsewhere();
  const child = spawn(process.execPath, [resolve("dist/cli.mjs"), ...line("--wait")], { env: world.calibre.env });
  let stderr = "";
  const closed = new Promise<number | null>((done) => child.on("close", done));
  child.stderr.on("data", (chunk: Buffer) => {
    if (stderr === "") child.kill("SIGINT");
    stderr += chunk.toString();
  });
  child.stdin.end(PASSWORD);
  const status = await closed;
  await letGo();
  expect({ status, stderr }).toEqual({
    status: 130,
    stderr: "Another calibre program is running; waiting until it ends.\nStopped; nothing was written.\n",
  });
});
