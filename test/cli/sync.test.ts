/** `koreader-progress sync` as a reader runs it: the built program, real calibre, a real server. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { partialMd5 } from "../../src/core/digest.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import type { PrivateCalibre } from "../calibre_plugin/private-calibre.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld, type Ended } from "../support/cli-world.ts";

const POINTER = "/body/DocFragment[2]/body/p[3]/text().7";

let world: CliWorld;
let calibre: PrivateCalibre;
let server: RunningServer;
let library: string;

const sync = (...args: string[]): Promise<Ended> => syncAs(PASSWORD, ...args);

function syncAs(password: string, ...args: string[]): Promise<Ended> {
  const login = ["--url", server.url, "--user", USER, "--password-stdin"];
  return world.cli(["sync", "--library", library, ...login, ...args], password);
}

async function cells(): Promise<Record<string, unknown>[]> {
  const fields = "title,*percent,*share,*hundred,*status";
  const json = await world.calibredb("list", "--for-machine", "-f", fields, "--sort-by", "id", "--ascending");
  return JSON.parse(json) as Record<string, unknown>[];
}

beforeAll(async () => {
  world = await createCliWorld();
  ({ calibre, server, library } = world);
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
  await world.calibredb("add_custom_column", "share", "Share", "float");
  await world.calibredb("add_custom_column", "hundred", "Hundred", "float");
  const display = JSON.stringify({ enum_values: ["Unread", "Reading", "Finished"], enum_colors: [] });
  await world.calibredb("add_custom_column", "--display", display, "status", "Status", "enumeration");
});

afterAll(() => world?.close());

async function push(id: number, percentage: number): Promise<void> {
  const document = partialMd5(readFileSync(world.libraryFile(id)));
  await world.client.putProgress({ document, percentage, progress: POINTER, device: "Kobo", device_id: "KOBO" });
}

describe("a library with one synced book", () => {
  beforeEach(() => push(1, 0.37));

  test("gets the percentage into its column, and has nothing to write a second time", async () => {
    const first = await sync("--column", "percent=#percent", "--json");
    expect(first).toMatchObject({ status: 0, stderr: "" });
    const report = JSON.parse(first.stdout) as { plan: unknown; written: unknown };
    expect(report).toMatchObject({
      plan: {
        updates: [{ book_id: 1, column: "#percent", before: null, after: 37 }],
        conflicts: [],
        skipped: [{ book_id: 2, reason: { code: "not_on_server" } }],
      },
      written: [{ book_id: 1, column: "#percent", after: 37 }],
    });
    expect(await cells()).toMatchObject([{ "*percent": 37 }, {}]);
    const second = await sync("--column", "percent=#percent", "--json");
    expect(second.status).toBe(0);
    expect(JSON.parse(second.stdout)).toMatchObject({ plan: { updates: [] }, written: [] });
  });

  test("is left alone by a dry run", async () => {
    const before = readFileSync(join(library, "metadata.db"));
    const { status, stdout } = await sync(
      "--column",
      "share=#share",
      "--column",
      "percent=#share",
      "--dry-run",
      "--json",
    );
    expect(status).toBe(2);
    expect(stdout).toBe("");
    const dry = await sync("--column", "percent=#share", "--dry-run", "--json");
    expect(JSON.parse(dry.stdout)).toMatchObject({
      plan: { updates: [{ column: "#share", after: 0.37 }] },
      written: [],
    });
    expect(await cells()).not.toMatchObject([{ "*share": 0.37 }, {}]);
    expect(readFileSync(join(library, "metadata.db")).equals(before)).toBe(true);
  });

  test("takes a float column as 0 to 1, or as 0 to 100 when told so", async () => {
    await sync("--column", "percent=#share", "--ids", "1");
    expect(await cells()).toMatchObject([{ "*share": 0.37 }, {}]);
    await sync("--column", "percent=#hundred:100", "--ids", "1");
    expect(await cells()).toMatchObject([{ "*hundred": 37 }, {}]);
  });

  test("has each book of --ids looked at, and no other", async () => {
    await push(2, 0.5);
    await sync("--column", "percent=#percent", "--ids", "1");
    expect((await cells())[1]?.["*percent"] ?? null).toBeNull();
  });
});

describe("when it cannot be done", () => {
  test("a wrong password is said in one sentence, with exit 2, and nothing is written", async () => {
    const ended = await syncAs("wrong", "--column", "percent=#percent");
    expect(ended).toEqual({ status: 2, stdout: "", stderr: `${server.url} does not know this user and password.\n` });
  });

  test("a column that is missing or does not fit is named", async () => {
    expect(await sync("--column", "percent=#none")).toMatchObject({
      status: 2,
      stderr: "The library has no column #none. These can show percent: #hundred, #percent, #share.\n",
    });
    expect(await sync("--column", "percent=#status")).toMatchObject({
      status: 2,
      stderr: "The column #status cannot show percent. These can show percent: #hundred, #percent, #share.\n",
    });
  });

  test("a folder that is no library is named, and none is made of it", async () => {
    const folder = join(calibre.folder, "empty");
    mkdirSync(folder, { recursive: true });
    const ended = await sync("--library", folder, "--column", "percent=#percent");
    expect(ended).toMatchObject({ status: 2, stderr: `${folder} is not a calibre library: it has no metadata.db.\n` });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("a server that is down is said in one sentence", async () => {
    const ended = await sync("--url", "http://127.0.0.1:9", "--column", "percent=#percent");
    expect(ended.status).toBe(2);
    expect(ended.stderr).toMatch(/^http:\/\/127\.0\.0\.1:9\/? did not answer: .+\.\n$/);
  });

  test("an address where no server answers names the one that does, and sends no password there", async () => {
    const typed = server.url.replace("http://", "");
    const { status, stderr } = await sync("--url", typed, "--column", "percent=#percent", "--dry-run");
    expect(status).toBe(2);
    expect(stderr).toContain(`The password was not sent there; if it is yours: --url ${server.url}\n`);
  });

  test("with the library open elsewhere it says so, and writes nothing", async () => {
    const holder = join(calibre.folder, "hold.py");
    writeFileSync(
      holder,
      "import sys\nfrom calibre.utils.lock import singleinstance\nassert singleinstance('db')\nprint('held', flush=True)\nsys.stdin.read()\n",
    );
    const before = statSync(join(library, "metadata.db")).mtimeMs;
    const child = spawn(calibre.program("calibre-debug"), ["-e", holder], { env: calibre.env });
    await new Promise((held) => child.stdout.once("data", held));
    const ended = await sync("--column", "percent=#percent");
    const gone = new Promise((done) => child.on("close", done));
    child.stdin.end();
    await gone;
    expect(ended).toEqual({
      status: 2,
      stdout: "",
      stderr:
        "Another calibre program is running, such as calibre itself or its content server. Close it first, or sync inside it.\n",
    });
    expect(statSync(join(library, "metadata.db")).mtimeMs).toBe(before);
  });
});

test("another plugin that prints does not disturb the answers", async () => {
  const folder = join(calibre.folder, "noisy");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "__init__.py"),
    [
      "print('noise at load, without an end', end='')",
      "from calibre.customize import FileTypePlugin",
      "class Noisy(FileTypePlugin):",
      "    name = 'Noisy'",
      "    supported_platforms = ['linux', 'windows', 'osx']",
      "    def initialize(self):",
      "        print('noise at start')",
    ].join("\n"),
  );
  writeFileSync(join(folder, "plugin-import-name-noisy.txt"), "");
  const installed = await world.run(calibre.program("calibre-customize"), ["-b", folder]);
  expect(installed.status).toBe(0);
  await push(1, 0.37);
  const { status, stdout, stderr } = await sync("--column", "percent=#percent", "--json");
  await world.run(calibre.program("calibre-customize"), ["-r", "Noisy"]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ plan: { conflicts: [] } });
  expect(stderr).toContain("noise at load");
});

test("a first look at a library that nothing is mapped in shows the usual columns, and leaves it as it is", async () => {
  const fresh = join(calibre.folder, "fresh");
  await world.run(calibre.program("calibredb"), ["add", world.libraryFile(1), "--with-library", fresh]);
  await push(1, 0.37);
  const inside = (): unknown => readdirSync(fresh, { recursive: true, encoding: "utf8" }).toSorted();
  const before = { database: readFileSync(join(fresh, "metadata.db")), files: inside() };
  const line = ["sync", "--library", fresh, "--url", server.url, "--user", USER, "--password-stdin"];
  const { status, stdout, stderr } = await world.cli([...line, "--dry-run"], PASSWORD);
  expect(stderr).toBe(
    "No column is mapped yet; this dry run shows the usual ones: #percent_read, #reading_status, #last_read, #read_started, #read_finished.\n" +
      "Of 1 book: 4 values of 1 book would be written.\n",
  );
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining("1\tOne\t#percent_read\t\t37\n") });
  expect({ database: readFileSync(join(fresh, "metadata.db")), files: inside() }).toEqual(before);
  // Writing needs columns that are there.
  expect(await world.cli(line, PASSWORD)).toMatchObject({
    status: 2,
    stdout: "",
    stderr: expect.stringMatching(/^Name at least one column/),
  });
});

test("on a terminal its last line tells how far it is, and is gone at the end; a pipe sees nothing of it", async () => {
  await push(1, 0.41);
  const line = ["sync", "--library", library, "--url", server.url, "--user", USER, "--password-stdin", "--dry-run"];
  const command = [process.execPath, resolve("dist/cli.mjs"), ...line, "--column", "percent=#percent"];
  const pty = [
    "import os, pty, sys",
    "kept = os.dup(0)",
    "os.set_inheritable(kept, True)",
    // Standard input stays the pipe with the password; what is written goes to a terminal.
    "pid, fd = pty.fork()",
    "if pid == 0:",
    "    os.dup2(kept, 0)",
    "    os.execv(sys.argv[1], sys.argv[1:])",
    "try:",
    "    while text := os.read(fd, 4096):",
    "        sys.stdout.buffer.write(text)",
    "except OSError:",
    "    pass",
    "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
  ];
  const seen = await world.run("python3", ["-c", pty.join("\n"), ...command], PASSWORD);
  expect(seen.status).toBe(0);
  expect(seen.stdout).toContain("\r\u001B[KAsking the server: ");
  const shown = seen.stdout.split("\n").map((text) => text.split("\u001B[K").at(-1)?.trim());
  expect(shown.filter((text) => text !== "")).toEqual([
    expect.stringMatching(/^1\tOne\t#percent\t.*\t41$/),
    expect.stringMatching(/^Of 2 books: 1 value of 1 book would be written\.$/),
  ]);
  const piped = await world.run(command[0] ?? "", command.slice(1), PASSWORD);
  expect(piped.stderr).toBe("Of 2 books: 1 value of 1 book would be written.\n");
});
