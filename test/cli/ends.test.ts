/** calibre dies, or a disk refuses, under a command: one sentence, the documented exit code, nothing left running. */
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { partialMd5 } from "../../src/core/digest.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld, type Ended } from "../support/cli-world.ts";
import { startFront, type Front } from "../support/front.ts";

const DIGEST = "0123456789abcdef0123456789abcdef";
const onLinux = process.platform === "linux";

let world: CliWorld;
let front: Front;

beforeAll(async () => {
  world = await createCliWorld();
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
  front = await startFront(world.server.url);
  const document = partialMd5(readFileSync(world.libraryFile(1)));
  await world.client.putProgress({ document, percentage: 0.37, progress: "/body/p.0", device: "Kobo", device_id: "K" });
}, 120_000);

afterAll(async () => {
  await front?.close();
  await world?.close();
});

const login = (url: string): string[] => ["--url", url, "--user", USER, "--password-stdin"];
const syncing = (library: string): string[] => [
  "sync",
  "--library",
  library,
  ...login(front.url),
  "--column",
  "percent=#percent",
  "--ids",
  "1",
];

/** Programs that still run with this test's own settings, by id and by the name of what they run. */
function running(): { pid: number; name: string }[] {
  const ours = `CALIBRE_CONFIG_DIRECTORY=${world.calibre.env["CALIBRE_CONFIG_DIRECTORY"]}`;
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      if (!readFileSync(`/proc/${pid}/environ`, "utf8").includes(ours)) return [];
      return [
        {
          pid: Number(pid),
          name: `${readlinkSync(`/proc/${pid}/exe`)} ${readFileSync(`/proc/${pid}/cmdline`, "utf8")}`,
        },
      ];
    } catch {
      return [];
    }
  });
}

async function percent(): Promise<unknown> {
  const json = await world.calibredb("list", "--for-machine", "-f", "*percent", "-s", "id:1");
  return (JSON.parse(json) as Record<string, unknown>[])[0]?.["*percent"] ?? null;
}

function start(args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [resolve("dist/cli.mjs"), ...args], { env: world.calibre.env });
  const said: Ended = { status: null, stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  child.stdin.end(PASSWORD);
  return { child, ended: new Promise((done) => child.on("close", (status) => done({ ...said, status }))) };
}

/** The command with a calibre of these lines in place of the real one. */
function withOddCalibre(lines: readonly string[], args: readonly string[]): Promise<Ended> {
  const folder = join(world.calibre.folder, "odd");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "calibre-debug");
  writeFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"));
  chmodSync(path, 0o755);
  const assign = `KOREADER_PROGRESS_CALIBRE=${folder}`;
  return world.run("env", [assign, process.execPath, resolve("dist/cli.mjs"), ...args], PASSWORD);
}

/** The command where a file system is prepared by `mounts` first, seen by nobody else. */
function withMounts(mounts: string, args: readonly string[]): Promise<Ended> {
  const line = ["unshare", "-rm", "sh", "-c", `${mounts}; exec "$@"`, "sh", process.execPath, resolve("dist/cli.mjs")];
  return world.run(line[0] ?? "", [...line.slice(1), ...args], PASSWORD);
}

const commands = (): string[][] => [
  syncing(world.library),
  ["push", "--library", world.library, ...login(front.url)],
  ["log", "--library", world.library],
  ["copies", "--library", world.library, "--id", "1"],
  ["link", "--library", world.library, "--id", "1", DIGEST],
  ["unlink", "--library", world.library, "--id", "1", DIGEST],
];

describe.skipIf(!onLinux)("calibre ends under a command", () => {
  // The last argument marks what is meant for the command line.
  const hello = 'for last; do :; done; printf \'%s{"id":0,"result":{}}\\n\' "$last"';

  test.each([
    ["before it is ready", ["exit 3"], "exit code 3"],
    ["as soon as it is asked", [hello, "read -r line", "exit 4"], "exit code 4"],
    ["in the middle of a word", [hello, "read -r line", 'printf \'%s{"id":1,"res\' "$last"', "exit 5"], "exit code 5"],
    ["killed", [hello, "read -r line", "kill -9 $$"], "ended from outside, SIGKILL"],
    ["and a program of it lives on", [hello, "read -r line", "env -i sleep 30 &", "exit 6"], "exit code 6"],
  ])("%s: every command says so with exit code 2", async (_how, lines, why) => {
    for (const args of commands()) {
      const ended = await withOddCalibre(lines, args);
      expect(ended.stderr).toContain(`calibre ended before it was done (${why}); nothing more was written.\n`);
      expect(ended.stderr).not.toContain("unsettled");
      expect({ command: args[0], status: ended.status }).toEqual({ command: args[0], status: 2 });
    }
  });

  test.each(["{garbage", "[1,2]", "", '{"id":"one"}'])(
    "%j in place of an answer ends it, and nobody waits",
    async (said) => {
      const lines = [hello, "read -r line", `printf '%s%s\\n' "$last" '${said}'`, "exec sleep 60"];
      const ended = await withOddCalibre(lines, ["log", "--library", world.library]);
      expect(ended).toMatchObject({ status: 2, stdout: "" });
      expect(ended.stderr).toContain("calibre ended before it was done");
    },
  );

  test.each([
    ["calibre is killed", /^\S*python\S* /, "calibre ended before it was done (ended from outside, SIGKILL)"],
    ["the helper is killed", /^\S*node\S* .*bridge\/main\.mjs/, "The helper program ended before it was done"],
  ])("%s in mid sync: said, nothing written, nothing left running", async (_name, program, sentence) => {
    const asked = front.holdBack(/^GET \/syncs\/progress/);
    const { child, ended } = start(syncing(world.library));
    await asked;
    const victims = running().filter(({ pid, name }) => pid !== child.pid && program.test(name));
    for (const { pid } of victims) process.kill(pid, "SIGKILL");
    const { status, stdout, stderr } = await ended;
    front.letGo();
    expect(victims.length).toBeGreaterThan(0);
    expect(stderr).toContain(sentence);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    await expect.poll(() => running(), { timeout: 20_000 }).toEqual([]);
    expect(await percent()).toBeNull();
  });
});

describe.skipIf(!onLinux)("a disk refuses", () => {
  test("a library that can only be read is named, and left as it is", async () => {
    const ended = await withMounts(
      `mount --bind "${world.library}" "${world.library}"; mount -o remount,ro,bind "${world.library}"`,
      syncing(world.library),
    );
    expect(ended.stderr).toMatch(/cannot be used: .+[.?]\n$/);
    expect(ended).toMatchObject({ status: 2, stdout: "" });
    expect(await percent()).toBeNull();
  });

  test.each([
    ["can only be read", "mount --bind C C; mount -o remount,ro,bind C"],
    [
      "is full",
      "cp -r C C.kept; mount -t tmpfs -o size=4m none C; cp -r C.kept/. C; cat /dev/zero > C/filler 2>/dev/null; :",
    ],
  ])("a configuration that %s ends the sync with a sentence before anything is written", async (_how, mounts) => {
    const config = world.calibre.env["CALIBRE_CONFIG_DIRECTORY"] ?? "";
    const ended = await withMounts(mounts.replaceAll(/\bC\b/g, config), syncing(world.library));
    expect(ended.stderr).not.toMatch(/\n\s+at /);
    expect(ended.stderr).toMatch(/cannot be used: .+[.?]\n$/);
    expect(ended).toMatchObject({ status: 2, stdout: "" });
    expect(await percent()).toBeNull();
  });

  test("a path that is too long is said to be", async () => {
    const library = `/tmp/${"long/".repeat(1_000)}`;
    for (const args of [syncing(library), ["log", "--library", library], [...syncing(library), "--dry-run"]]) {
      const ended = await world.cli(args, PASSWORD);
      expect(ended.stderr).toMatch(/cannot be used: its path is too long\.\n$|is not a calibre library/);
      expect(ended).toMatchObject({ status: 2, stdout: "" });
    }
  });

  test("a database that is none, or is damaged from its beginning, is called damaged", async () => {
    const whole = readFileSync(join(world.library, "metadata.db"));
    const kinds = {
      none: Buffer.from("this is no database, and was never one".repeat(100)),
      emptied: Buffer.concat([whole.subarray(0, 100), Buffer.alloc(3996), whole.subarray(4096)]),
      cut: whole.subarray(0, Math.floor(whole.length / 3)),
      scrawled: Buffer.from(whole.toString("latin1").replaceAll("CREATE TABLE books", "CREATE TABLX books"), "latin1"),
    };
    for (const [kind, bytes] of Object.entries(kinds)) {
      const folder = join(world.calibre.folder, kind);
      mkdirSync(folder);
      writeFileSync(join(folder, "metadata.db"), bytes);
      const asked = [syncing(folder), [...syncing(folder), "--dry-run"], ["log", "--library", folder]];
      for (const args of kind === "none" ? asked : asked.slice(0, 1)) {
        const ended = await world.cli(args, PASSWORD);
        expect(ended.stderr).toMatch(/its database is damaged/);
        expect(ended).toMatchObject({ status: 2, stdout: "" });
      }
      expect(readdirSync(folder)).toEqual(["metadata.db"]);
      expect(readFileSync(join(folder, "metadata.db"))).toEqual(bytes);
    }
  });
});
