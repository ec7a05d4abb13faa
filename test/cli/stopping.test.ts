/** Ctrl-C in mid sync: nothing is lost, nothing is left running, and the next sync finds everything. */
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { partialMd5 } from "../../src/core/digest.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld, type Ended } from "../support/cli-world.ts";
import { startFront, type Front } from "../support/front.ts";

let world: CliWorld;
let front: Front;

beforeAll(async () => {
  world = await createCliWorld();
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
  front = await startFront(world.server.url);
  const document = partialMd5(readFileSync(world.libraryFile(1)));
  const record = { document, percentage: 0.37, progress: "/body/p.0", device: "Kobo", device_id: "K" };
  await world.client.putProgress(record);
}, 120_000);

afterAll(async () => {
  await front?.close();
  await world?.close();
});

const line = (): string[] => [
  resolve("dist/cli.mjs"),
  "sync",
  "--library",
  world.library,
  "--url",
  front.url,
  "--user",
  USER,
  "--password-stdin",
  "--column",
  "percent=#percent",
  "--ids",
  "1",
];

/** The sync in a group of its own, as a terminal starts it. */
function start(): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, line(), { env: world.calibre.env, detached: true });
  const said: Ended = { status: null, stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  child.stdin.end(PASSWORD);
  return { child, ended: new Promise((done) => child.on("close", (status) => done({ ...said, status }))) };
}

/** Programs that still run with this test's own settings. */
function leftOvers(): string[] {
  const ours = `CALIBRE_CONFIG_DIRECTORY=${world.calibre.env["CALIBRE_CONFIG_DIRECTORY"]}`;
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/environ`, "utf8").includes(ours);
    } catch {
      return false;
    }
  });
}

async function percent(): Promise<unknown> {
  const json = await world.calibredb("list", "--for-machine", "-f", "*percent", "-s", "id:1");
  return (JSON.parse(json) as Record<string, unknown>[])[0]?.["*percent"] ?? null;
}

const toAll =
  (signal: NodeJS.Signals) =>
  (pid: number): boolean =>
    process.kill(-pid, signal);
const toOne =
  (signal: NodeJS.Signals) =>
  (pid: number): boolean =>
    process.kill(pid, signal);

test.skipIf(process.platform !== "linux").each([
  ["in a terminal, where it reaches every program", toAll("SIGINT"), 130],
  ["sent to the command alone", toOne("SIGINT"), 130],
  ["by a service's end, which reaches every program", toAll("SIGTERM"), 143],
] as const)("a sync that is stopped %s says so and leaves nothing behind", async (_name, stop, status) => {
  const asked = front.holdBack(/^GET \/syncs\/progress/);
  const { child, ended } = start();
  await asked;
  stop(child.pid ?? 0);
  expect(await ended).toEqual({ status, stdout: "", stderr: "Stopped; nothing was written.\n" });
  expect(leftOvers()).toEqual([]);
  expect(await percent()).toBeNull();
  front.letGo();
});

test("a command that was killed outright leaves nothing running, and the next sync writes", async () => {
  const asked = front.holdBack(/^GET \/syncs\/progress/);
  const { child, ended } = start();
  await asked;
  child.kill("SIGKILL");
  await ended;
  // Its calibre notices that nobody listens any more, and ends within moments.
  await expect.poll(() => leftOvers(), { timeout: 20_000 }).toEqual([]);
  expect(await percent()).toBeNull();
  front.letGo();
  const [command = "", ...args] = line();
  const { status, stderr } = await world.run(process.execPath, [command, ...args], PASSWORD);
  expect({ status, stderr }).toEqual({
    status: 0,
    stderr: expect.stringMatching(/^Of \d books?: [^\n]*\n$/) as unknown,
  });
  expect(await percent()).toBe(37);
});
