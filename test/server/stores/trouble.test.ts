/** Disks that are full and files that are damaged: what a server says, what it still serves, and the way out. */
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createLog } from "../../../src/server/http/log.ts";
import { startServer } from "../../../src/server/listen.ts";
import { openSqliteStore } from "../../../src/server/stores/sqlite/store.ts";
import { ask, CHEAP, login } from "../support/serving.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kosync-trouble-"));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const PAGE = 2048;
const PLACE = "/body/p[1]".padEnd(120, "x");
const DOCUMENTS = 1000;
const nameOf = (index: number): string => `document-${index}`;

function position(document: string, progress = PLACE) {
  return { document, percentage: 0.5, progress, device: "Kobo" };
}

/** A database of one reader with many documents, closed. */
async function makeDatabase(): Promise<{ folder: string; file: string }> {
  const folder = newFolder();
  const server = await startServer({ port: 0, data: folder, registration: "open", scryptCost: CHEAP });
  const body = '{"username":"ann","password":"key-ann"}';
  await ask(server.port, { method: "POST", path: "/users/create", body });
  const credential = (await server.store.credentialOf("ann")) ?? "";
  const rest = { device_id: null, timestamp: 1, metadata: null, identifiers: null };
  for (let turn = 0; turn < 2; turn++) {
    await Promise.all(
      Array.from({ length: DOCUMENTS }, (_, index) =>
        server.store.write("ann", credential, { ...position(nameOf(index)), ...rest }),
      ),
    );
  }
  await server.stop();
  return { folder, file: join(folder, "kosync.sqlite") };
}

/** Writes nonsense over some pages in the middle. */
function damage(file: string): void {
  const bytes = readFileSync(file);
  const first = Math.floor(bytes.length / PAGE / 4);
  bytes.fill(0xa5, first * PAGE, (first + 12) * PAGE);
  writeFileSync(file, bytes);
}

function command(...args: string[]): { code: number | null; out: string; err: string } {
  const ended = spawnSync(process.execPath, ["src/cli/main.ts", ...args], { encoding: "utf8" });
  return { code: ended.status, out: ended.stdout, err: ended.stderr };
}

function documentsIn(backup: string): string[] {
  const lines = readFileSync(backup, "utf8").trimEnd().split("\n");
  return lines.filter((line) => line.startsWith('{"kind":"document"'));
}

describe("a damaged kosync.sqlite", () => {
  test("serves what is whole, says of the rest what is wrong, once a minute in the log, and to the health check", async () => {
    const { folder, file } = await makeDatabase();
    damage(file);
    const lines: string[] = [];
    const log = createLog("error", (line) => lines.push(line));
    const server = await startServer({ port: 0, data: folder, scryptCost: CHEAP, log });
    undo.push(() => server.stop());
    const good: unknown[] = [];
    const failed: number[] = [];
    for (let index = 0; index < DOCUMENTS; index++) {
      const answer = await ask(server.port, {
        method: "GET",
        path: `/syncs/progress/${nameOf(index)}`,
        headers: login("ann"),
      });
      if (answer.status === 200) good.push([index, answer.json]);
      else failed.push(answer.status);
    }
    // None is told as unknown: absence is not news.
    expect(good).toEqual(good.map(() => [expect.any(Number), expect.objectContaining({ progress: PLACE })]));
    expect(good.length).toBeGreaterThan(DOCUMENTS / 2);
    expect(failed.length).toBe(DOCUMENTS - good.length);
    expect(new Set(failed)).toEqual(new Set([502]));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      event: "store_failed",
      reason: expect.stringMatching(/damaged.*backup/),
    });
    const health = await ask(server.port, { method: "GET", path: "/healthcheck" });
    expect(health).toMatchObject({ status: 502, json: { message: "The server's database is damaged." } });
  });

  test("is backed up as far as it can be read, and what is missing is counted; that backup goes into a new folder", async () => {
    const { folder, file } = await makeDatabase();
    damage(file);
    const backup = join(newFolder(), "backup.jsonl");
    const { code, err } = command("backup", backup, "--data", folder);
    expect(code).toBe(1);
    const saved = documentsIn(backup).length;
    expect(saved).toBeGreaterThan(DOCUMENTS / 2);
    expect(saved).toBeLessThan(DOCUMENTS);
    const lost = Number(/up to 0 accounts and (\d+) documents/.exec(err)?.[1]);
    expect(saved + lost).toBeGreaterThanOrEqual(DOCUMENTS);
    expect(command("restore", backup, "--data", newFolder())).toMatchObject({
      code: 0,
      out: `Restored 1 users and ${saved} documents.\n`,
    });
  });

  test("that was cut in half is not served, but backed up, and the file stays as it is", async () => {
    const { folder, file } = await makeDatabase();
    const half = Math.floor(statSync(file).size / PAGE / 2) * PAGE;
    truncateSync(file, half);
    await expect(startServer({ port: 0, data: folder })).rejects.toMatchObject({
      kind: "StoreUnavailable",
      data: { reason: expect.stringMatching(/kosync\.sqlite is damaged .*backup FILE --data/) },
    });
    const backup = join(newFolder(), "backup.jsonl");
    expect(command("backup", backup, "--data", folder).code).toBe(1);
    expect(documentsIn(backup).length).toBeGreaterThan(DOCUMENTS / 10);
    expect(statSync(file).size).toBe(half);
    expect(readdirSync(folder).filter((name) => !name.startsWith("kosync.sqlite"))).toEqual([]);
  });

  test.each([
    ["no database", (file: string) => writeFileSync(file, "nonsense ".repeat(1000))],
    ["one without its beginning", (file: string) => writeFileSync(file, readFileSync(file).fill(0xa5, 100, PAGE))],
  ])("that is %s is told of by every command in one sentence, which names it", async (_what, spoil) => {
    const { folder, file } = await makeDatabase();
    spoil(file);
    const backup = join(newFolder(), "backup.jsonl");
    for (const args of [
      ["serve", "--port", "0"],
      ["user", "list"],
      ["backup", backup],
    ]) {
      const { code, err } = command(...args, "--data", folder);
      expect(code).toBe(2);
      expect(err.trimEnd().split("\n")).toHaveLength(1);
      expect(err).toContain(file);
    }
    expect(() => statSync(backup)).toThrow("ENOENT");
  });

  test("a backup whose own folder cannot be written blames that one", async () => {
    const { folder } = await makeDatabase();
    const { code, err } = command("backup", "/nowhere/backup.jsonl", "--data", folder);
    expect({ code, err }).toEqual({
      code: 2,
      err: "backup: /nowhere/backup.jsonl cannot be written: there is no such folder.\n",
    });
  });
});

const isRoot = process.getuid?.() === 0;
const hasNamespaces = spawnSync("unshare", ["-rm", "true"]).status === 0;

test.skipIf(!hasNamespaces)(
  "a full disk is told in one line and by the health check, and room on it is noticed",
  async () => {
    const folder = newFolder();
    const script = `mount -t tmpfs -o size=3m tmpfs "$0" && head -c 1500000 /dev/zero > "$0/filler" && exec "$@"`;
    const serve = [process.execPath, "src/cli/main.ts", "serve", "--port", "0", "--data", folder, "--log", "error"];
    const child = spawn("unshare", ["-rm", "sh", "-c", script, folder, ...serve, "--registration", "open"]);
    undo.push(() => child.kill("SIGKILL"));
    let log = "";
    child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
    const port = await new Promise<number>((resolve) => {
      child.stdout.once("data", (chunk: Buffer) => resolve(Number(new URL(chunk.toString().trim()).port)));
    });
    await ask(port, { method: "POST", path: "/users/create", body: '{"username":"ann","password":"key-ann"}' });
    const put = (document: string) => {
      const body = JSON.stringify(position(document, "p".repeat(4000)));
      return ask(port, { method: "PUT", path: "/syncs/progress", headers: login("ann"), body });
    };
    const health = () => ask(port, { method: "GET", path: "/healthcheck" });
    let kept = 0;
    for (; kept < 2000 && (await put(nameOf(kept))).status === 200; kept++);
    expect(kept).toBeGreaterThan(10);
    for (let count = 0; count < 50; count++) {
      expect(await put("too much")).toMatchObject({
        status: 502,
        json: { code: 2000, message: "The server's disk is full." },
      });
    }
    expect(log.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(log)).toMatchObject({ event: "store_failed", reason: "The server's disk is full." });
    expect(await health()).toMatchObject({ status: 502, json: { message: "The server's disk is full." } });
    const read = await ask(port, { method: "GET", path: `/syncs/progress/${nameOf(kept - 1)}`, headers: login("ann") });
    expect(read.json).toMatchObject({ document: nameOf(kept - 1) });
    // As its owner would, from within.
    rmSync(`/proc/${child.pid}/root${folder}/filler`);
    expect((await health()).status).toBe(200);
    expect((await put("room again")).status).toBe(200);
  },
);

describe("kosync.sqlite", () => {
  test("is for its owner alone, in a folder that was there and where it was not so before", async () => {
    const folder = newFolder();
    chmodSync(folder, 0o755);
    const file = join(folder, "kosync.sqlite");
    const modes = (): number[] => ["", "-wal", "-shm"].map((end) => statSync(file + end).mode & 0o777);
    const mask = process.umask(0o022);
    undo.push(() => process.umask(mask));
    for (let turn = 0; turn < 2; turn++) {
      const store = openSqliteStore(file);
      await store.createUser(`reader ${turn}`, "k");
      expect(modes()).toEqual([0o600, 0o600, 0o600]);
      await store.close();
      chmodSync(file, 0o644);
    }
  });

  test.skipIf(!isRoot)("made by root belongs to whoever owns the folder", async () => {
    const folder = newFolder();
    const data = join(folder, "data");
    mkdirSync(data);
    for (const path of [folder, data]) chownSync(path, 1234, 4321);
    for (const place of [data, join(folder, "made")]) {
      expect(
        spawnSync(process.execPath, ["src/cli/main.ts", "user", "add", "ann", "--data", place], { input: "pw" }).status,
      ).toBe(0);
      for (const path of [place, join(place, "kosync.sqlite")]) {
        const { uid, gid } = statSync(path);
        expect([uid, gid]).toEqual([1234, 4321]);
      }
    }
  });
});
