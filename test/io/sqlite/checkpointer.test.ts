import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { createCheckpointer } from "../../../src/io/sqlite/checkpointer.ts";
import { openDatabase } from "../../../src/io/sqlite/database.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "checkpoint-"));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "some.sqlite");
}

/** A database with four megabytes in its WAL and next to nothing in its file. */
function fillWal(path: string, isClosedLater = true): DatabaseSync {
  const db = new DatabaseSync(path);
  if (isClosedLater) undo.push(() => db.close());
  db.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE pages (text)");
  for (let page = 0; page < 1000; page++) db.prepare("INSERT INTO pages VALUES (?)").run("x".repeat(4000));
  expect(statSync(path).size).toBeLessThan(100_000);
  return db;
}

test("after enough writes the WAL is moved into the file beside the event loop, and the rest is asked for", async () => {
  const path = newFile();
  fillWal(path);
  const finished = Promise.withResolvers<void>();
  const checkpointer = createCheckpointer(path, finished.resolve, () => expect.unreachable());
  undo.push(() => checkpointer.stop().then(() => checkpointer.release()));
  checkpointer.wrote(7999);
  checkpointer.wrote(1);
  await finished.promise;
  expect(statSync(path).size).toBeGreaterThan(4_000_000);
});

test("where there can be no thread the connection that writes is told to help itself", async () => {
  const fallen = Promise.withResolvers<void>();
  const checkpointer = createCheckpointer(join(newFile(), "no-folder"), () => expect.unreachable(), fallen.resolve);
  undo.push(() => checkpointer.stop().then(() => checkpointer.release()));
  checkpointer.wrote(10_000);
  await fallen.promise;
  checkpointer.wrote(10_000);
});

test("Node 22's word about SQLite is kept back in the thread too, and no other", () => {
  const path = newFile();
  fillWal(path);
  // Every thread of the program below begins with this: whoever loads SQLite as the checkpointer does is warned.
  const warner = join(dirname(path), "warner.cjs");
  writeFileSync(
    warner,
    `const load = process.getBuiltinModule;
    process.getBuiltinModule = (name) => {
      if (name === "node:sqlite") process.emitWarning("SQLite is an experimental feature", "ExperimentalWarning");
      if (name === "node:sqlite") process.nextTick(() => process.emitWarning("something else"));
      return load(name);
    };`,
  );
  const program = `import { createCheckpointer } from ${JSON.stringify(resolve("src/io/sqlite/checkpointer.ts"))};
    const work = setInterval(() => undefined, 1000);
    const end = () => checkpointer.stop().then(() => clearInterval(work));
    const checkpointer = createCheckpointer(${JSON.stringify(path)}, end, () => process.exit(1));
    checkpointer.wrote(8000);`;
  const args = ["--require", warner, "--input-type=module", "-e", program];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(stderr).toContain("something else");
  expect(stderr).not.toContain("SQLite");
  expect(status).toBe(0);
});

/** Whether another process could take the lock by which SQLite sees that it is the last one to leave a file. */
function seemsLeft(path: string): boolean {
  const [first, length] = [1_073_741_826, 510];
  const program = `import fcntl, sys
try:
    fcntl.lockf(open(sys.argv[1], "r+b"), fcntl.LOCK_EX | fcntl.LOCK_NB, ${length}, ${first})
    print("left")
except BlockingIOError:
    print("in use")`;
  const { stdout } = spawnSync("python3", ["-c", program, path], { encoding: "utf8" });
  expect(stdout).toMatch(/^(left|in use)\n$/);
  return stdout.startsWith("left");
}

// Were its locks gone, another process that leaves the file would take the WAL away under the one that goes on writing.
test("whoever still has the file open in this process keeps its locks when another one here has closed it", async () => {
  const path = newFile();
  const first = fillWal(path, false);
  const second = openDatabase(path);
  const finished = Promise.withResolvers<void>();
  const checkpointer = createCheckpointer(path, finished.resolve, () => expect.unreachable());
  checkpointer.wrote(8000);
  await finished.promise;
  await checkpointer.stop();
  first.close();
  checkpointer.release();
  expect(seemsLeft(path)).toBe(false);
  await second.close();
  expect(seemsLeft(path)).toBe(true);
});

test("a database that is never idle does not let its WAL grow for ever, and loses nothing over it", async () => {
  const path = newFile();
  const db = openDatabase(path);
  db.exec("CREATE TABLE numbers (n INTEGER PRIMARY KEY, text)");
  const insert = db.prepare("INSERT INTO numbers VALUES (?, ?)");
  let next = 0;
  let most = 0;
  const text = "x".repeat(1000);
  // Two megabytes each: without any checkpoint these would be a WAL of 160.
  for (let round = 0; round < 80; round++) {
    await Promise.all(Array.from({ length: 500 }, () => db.write(() => insert.run(next++, text))));
    most = statSync(`${path}-wal`).size;
  }
  expect(next).toBe(40_000);
  expect(most).toBeLessThan(40_000_000);
  await db.close();
  const again = new DatabaseSync(path);
  expect(again.prepare("SELECT count(*) AS count FROM numbers").get()).toEqual({ count: next });
  expect(again.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  again.close();
});
