/** Every command that a document shows does what it says, typed as it stands there. */
import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { partialMd5 } from "../../src/core/digest.ts";
import { freePort, startRedis, type RealRedis } from "../server/support/redis.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld, type Ended } from "../support/cli-world.ts";
import { writeSidecar } from "../support/sidecars.ts";

/** What takes minutes, a machine of its own, or a person; each of them is a script of package.json all the same. */
const NOT_RUN = new Set([
  "npm start",
  "npm test",
  "npm run bench",
  "npm run build",
  "npm run check",
  "npm run chroots",
  "npm run contract",
  "npm run format",
  "npm run messages",
  "npm run package",
  "npm run package:image",
  "npm run release",
  "npm run soak",
  "npm run test:calibres",
  "npm run test:slow",
]);

const DOCUMENTS = ["README.md", "CONTRIBUTING.md", ...globSync("docs/**/*.md"), "deploy/koreader-progress.service"];
const COMMAND = /^(?:printf %s "\$PASSWORD" \| )?(?:koreader-progress|npm) [a-z]/;

/** The commands of a document: the lines of its blocks, without what is said of them behind two blanks, and those in its text. */
function commandsOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```\n([^]*?)^```$/gm)].map(([, block = ""]) => block.replaceAll(/\\\n\s*/g, ""));
  const lines = blocks.flatMap((block) => block.split("\n"));
  const prose = text.replaceAll(/^```[^]*?^```$/gm, "");
  const inline = [...prose.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code.replaceAll(/\s+/g, " "));
  const remarks = [...prose.matchAll(/^# .*?: (koreader-progress .*)$/gm)].map(([, code = ""]) => code);
  return [...lines, ...inline, ...remarks]
    .filter((line) => COMMAND.test(line))
    .map((line) => line.replace(/ {2,}.*$/, "").trim());
}

const shown = [...new Set(DOCUMENTS.flatMap((path) => commandsOf(readFileSync(path, "utf8"))))].toSorted();
const scripts = shown.filter((line) => line.startsWith("npm ") && !/^npm (?:install|start --)/.test(line));
const commands = shown.filter((line) => line.includes("koreader-progress ") && !line.startsWith("npm "));
/** A command that is only named: its help is what it has to have. */
const named = commands.filter((line) => /^koreader-progress [a-z]+$/.test(line));
const serving = commands.filter((line) => line.startsWith("koreader-progress serve "));
const first = ["user add", "user list", "user passwd", "backup", "user delete"];
const typed = commands
  .filter((line) => !named.includes(line) && !serving.includes(line))
  // One of several that come to the same.
  .filter((line, index, all) => all.findIndex((other) => settled(other) === settled(line)) === index)
  // An account is there before it is changed, and a backup before it is restored.
  .toSorted((one, other) => rank(one) - rank(other));

/** The command without the difference between one folder of data and another. */
function settled(line: string): string {
  return line.replaceAll(/\/var\/lib\/[\w/-]+/g, "DIR");
}

function rank(line: string): number {
  // What is taken back has been written before.
  if (line.includes(" undo ")) return first.length + 1;
  const at = first.findIndex((words) => line.includes(words));
  return at === -1 ? first.length : at;
}

let world: CliWorld;
let redis: RealRedis;
let scratch: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  [world, redis] = await Promise.all([createCliWorld(), startRedis()]);
  scratch = join(world.calibre.folder, "scratch");
  const bin = join(scratch, "bin");
  const card = join(scratch, "card");
  for (const folder of [bin, card]) mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(bin, "koreader-progress"),
    `#!/bin/sh\nexec "${process.execPath}" "${resolve("dist/cli.mjs")}" "$@"\n`,
  );
  chmodSync(join(bin, "koreader-progress"), 0o755);
  writeFileSync(join(scratch, "password.txt"), `${PASSWORD}\n`);
  copyFileSync(world.libraryFile(1), join(scratch, "book.epub"));
  copyFileSync(world.libraryFile(1), join(card, "book.epub"));
  const digest = partialMd5(readFileSync(world.libraryFile(1)));
  writeSidecar(join(card, "book.sdr", "metadata.epub.lua"), { digest });
  await world.calibredb("add_custom_column", "percent_read", "Read", "int");
  const display = JSON.stringify({ enum_values: ["Unread", "Reading", "Finished"], enum_colors: [] });
  await world.calibredb("add_custom_column", "--display", display, "reading_status", "Status", "enumeration");
  const port = String(await freePort());
  const path = `${bin}${delimiter}${process.env["PATH"]}`;
  env = { ...world.calibre.env, PATH: path, PASSWORD, KOREADER_PROGRESS_PORT: port };
});

afterAll(async () => {
  await redis?.stop();
  await world?.close();
});

/** The command with this test's own folders, addresses and names where the document leaves them open. */
function filled(line: string): string {
  const pointer = "/body/DocFragment[2]/body/p[3]/text().7";
  return line
    .replace(/--url URL \.\.\./, "--url URL --user NAME --password-stdin")
    .replace(/--user NAME \.\.\./, "--user NAME --password-stdin")
    .replaceAll(/--library DIR/g, `--library "${world.library}"`)
    .replaceAll(/--data (?:DIR|\/var\/lib\/[\w/-]+)/g, `--data "${join(scratch, "data")}"`)
    .replaceAll(/--sidecars (?:CARD|FOLDER)/g, `--sidecars "${join(scratch, "card")}"`)
    .replaceAll("--notes FOLDER", "--notes notes")
    .replaceAll("--from URL", "--from https://left.example")
    .replaceAll("--url URL", `--url ${world.server.url}`)
    .replaceAll("--user NAME", `--user ${USER}`)
    .replaceAll("user add NAME", "user add bea")
    .replaceAll(/--id (?:N|42)\b/g, "--id 1")
    .replaceAll("redis://HOST:6379/1", redis.url)
    .replaceAll("FILE...", "book.epub")
    .replaceAll(/\bBOOK\b/g, "book.epub")
    .replaceAll(/\bPOSITION\b/g, `"${pointer}"`)
    .replaceAll(/\bDIGEST\b/g, "0123456789abcdef0123456789abcdef");
}

function shell(line: string): Promise<Ended> {
  const child = spawn("sh", ["-c", line], { cwd: scratch, env });
  const ended: Ended = { status: null, stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (ended.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (ended.stderr += chunk.toString()));
  // Where a document leaves it to the reader how the password comes.
  child.stdin.on("error", () => undefined).end(`${PASSWORD}\n`);
  return new Promise((done) => child.on("close", (status) => done({ ...ended, status })));
}

test("documents show commands, and each is of a kind that is looked at here", () => {
  expect(typed.length).toBeGreaterThan(15);
  expect(scripts.length).toBeGreaterThan(8);
  expect(new Set(scripts.map((line) => line.replace(/ -- .*$/, ""))).difference(NOT_RUN)).toEqual(new Set());
});

test.each(scripts)("%s is a script of package.json", (line) => {
  const { scripts: known } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
  const name = /^npm (?:run )?([\w:]+)/.exec(line)?.[1] ?? "";
  expect(Object.keys(known)).toContain(name);
});

test.each(named)("%s has a help", async (line) => {
  expect(await shell(`${line} --help`)).toMatchObject({ status: 0, stderr: "" });
});

test.each(typed)("%s", async (line) => {
  const { status, stderr } = await shell(filled(line));
  // This library was never synced with another server, and on this card nothing was marked: that is said.
  if (line.includes(" move ") && stderr.startsWith("The library remembers nothing")) return;
  if (line.includes(" undo ") && stderr === "No run wrote annotations that still stand.\n") return;
  expect({ status, stderr: stderr.replace(/^Of \d+ books?: .*\n/, "") }).toEqual({
    status: 0,
    stderr: expect.anything(),
  });
  expect(filled(line)).not.toMatch(/\b(?:DIR|URL|NAME|CARD|FOLDER|FILE|BOOK|POSITION|DIGEST|HOST)\b|\.\.\./);
});

test.each(serving)("%s serves, and health finds it well", async (line) => {
  const child = spawn("sh", ["-c", `exec ${filled(line)}`], { cwd: scratch, env });
  await new Promise((listens) => child.stdout.once("data", listens));
  expect(await shell("koreader-progress health")).toMatchObject({ status: 0 });
  child.kill("SIGTERM");
  expect(await new Promise((done) => child.once("close", done))).toBe(0);
});

test("npm start -- --library DIR --url URL --user NAME looks at a library of one's own, and leaves it", async () => {
  const line = shown.find((each) => each.startsWith("npm start -- ")) ?? "";
  const before = readFileSync(join(world.library, "metadata.db"));
  const [, args = ""] = filled(line).split(" -- ");
  const script = `cd "${resolve(".")}" && "${process.execPath}" scripts/demo.ts ${args} < "${join(scratch, "password.txt")}"`;
  const { status, stdout } = await shell(script);
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining("This was a dry run") });
  expect(readFileSync(join(world.library, "metadata.db"))).toEqual(before);
});
