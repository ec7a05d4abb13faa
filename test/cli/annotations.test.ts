/** `koreader-progress annotations`: from a reader's sidecars to a list and to files of notes. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCliWorld, type CliWorld, type Ended } from "../support/cli-world.ts";

let world: CliWorld;
let card: string;
let notes: string;

/** A sidecar with these items, as KOReader writes it. */
function sidecar(items: readonly string[], title = "One"): string {
  const md5 = "0b229176d4e8db7f6d2b5a4952368d7a";
  return `return {\n  ["annotations"] = {\n${items.map((item) => `{ ${item} },`).join("\n")}\n  },\n  ["doc_props"] = { ["title"] = "${title}" },\n  ["partial_md5_checksum"] = "${md5}",\n}\n`;
}

const paragraph = (point: number): string => `/body/DocFragment[1]/body/p[1]/text().${point}`;

function highlight(from: number, to: number, text: string, more = ""): string {
  return `datetime = "2026-11-20 21:04:0${from % 10}", drawer = "lighten", page = "${paragraph(from)}", pos0 = "${paragraph(from)}", pos1 = "${paragraph(to)}", text = "${text}", chapter = "First", ${more}`;
}

const annotations = (...args: string[]): Promise<Ended> =>
  world.cli(["annotations", ...args, "--library", world.library, "--sidecars", card]);

const sidecarPath = (): string => join(card, "Books", "one.sdr", "metadata.epub.lua");

function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.map((name) => join(folder, name)).filter((path) => statSync(path).isFile());
  return Object.fromEntries(
    files.map((path) => [relative(folder, path), `${statSync(path).mtimeMs} ${readFileSync(path, "latin1")}`]),
  );
}

let words: string;

beforeAll(async () => {
  world = await createCliWorld();
  card = join(world.calibre.folder, "card");
  notes = join(world.calibre.folder, "notes");
  mkdirSync(dirname(sidecarPath()), { recursive: true });
  copyFileSync(world.libraryFile(1), join(card, "Books", "one.epub"));
  const said = await world.cli(["position", world.libraryFile(1), "--json", paragraph(0)]);
  words = String(JSON.parse(said.stdout).text).slice(0, 16);
  writeFileSync(
    sidecarPath(),
    sidecar([highlight(0, 16, words, 'note = "of what?", color = "green"'), highlight(2, 9, "no such words here")]),
  );
});

afterAll(() => world?.close());

describe("annotations list", () => {
  test("tells each highlight with its place, or why it has none, and changes nothing", async () => {
    const before = [filesOf(card), filesOf(world.library)];
    const { status, stdout, stderr } = await annotations("list", "--format", "json");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [book, ...others] = JSON.parse(stdout);
    expect(others).toEqual([]);
    expect(book).toMatchObject({ book_id: 1, title: "One" });
    expect(book.annotations).toMatchObject([
      {
        annotation: { text: words, note: "of what?", color: "green", devices: ["card"] },
        format: "EPUB",
        place: { status: "highlight", by: "ends", spine_index: 0 },
      },
      {
        annotation: { text: "no such words here" },
        format: null,
        place: { status: "unplaced", reason: "text_differs" },
      },
    ]);
    expect([filesOf(card), filesOf(world.library)]).toEqual(before);
  });

  test("as CSV, and as Markdown", async () => {
    const { stdout: csv } = await annotations("list", "--format", "csv", "--ids", "1");
    expect(csv.split("\r\n")).toHaveLength(4);
    expect(csv).toContain(`,green,2026-11-20 21:04:00,card,highlight,calibre://view-book/_/1/EPUB?open_at=epubcfi(`);
    const { stdout: markdown } = await annotations("list");
    expect(markdown).toContain(`# One - A\n\n## First\n\n> ${words}`);
    expect((await annotations("list", "--ids", "2")).stdout).toBe("");
  });

  test("names what is not in the library, and files that cannot be read", async () => {
    const stranger = join(card, "Books", "other.sdr", "metadata.epub.lua");
    mkdirSync(dirname(stranger));
    writeFileSync(stranger, sidecar([highlight(1, 2, "x")], "A stranger").replace("0b229176", "ffffffff"));
    mkdirSync(join(card, "Books", "odd.sdr"));
    writeFileSync(join(card, "Books", "odd.sdr", "metadata.epub.lua"), "return {");
    const { status, stderr } = await annotations("list");
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: "Not in this library: A stranger (1)\nFiles that could not be read: 1\n",
    });
    rmSync(dirname(stranger), { recursive: true });
    rmSync(join(card, "Books", "odd.sdr"), { recursive: true });
  });

  test.each([
    [[], "annotations: say list, sync, undo or write, and nothing else.\n"],
    [["sync"], "annotations sync: --for is needed: viewer, or user:NAME of the content server.\n"],
    [["sync", "--for", "nobody"], "annotations sync: --for is needed: viewer, or user:NAME of the content server.\n"],
    [["sync", "--for", "viewer", "--deletions", "some"], "annotations: --deletions is keep, follow, all.\n"],
    [["list", "--format", "xml"], "annotations: --format is md, json, csv.\n"],
    [["write"], "annotations write: --notes FOLDER is needed.\n"],
    [["list", "--ids", "x"], 'annotations: --ids wants numbers like 1,2,3. This was "x".\n'],
  ])("%j is refused in a sentence", async (args, stderr) => {
    expect(await annotations(...args)).toEqual({ status: 2, stdout: "", stderr });
  });

  test("a folder that is not there is said", async () => {
    const none = join(world.calibre.folder, "none");
    const ended = await world.cli(["annotations", "list", "--library", world.library, "--sidecars", none]);
    expect(ended.status).toBe(2);
    expect(ended.stderr).toContain(none);
    expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

/** What calibre holds for a reader of its own, marks of removed ones too. */
function rows(user = "viewer"): Record<string, unknown>[] {
  const database = new DatabaseSync(join(world.library, "metadata.db"), { readOnly: true });
  try {
    const found = database.prepare("SELECT annot_data FROM annotations WHERE user = ?").all(user);
    return found.map(({ annot_data }) => JSON.parse(String(annot_data)));
  } finally {
    database.close();
  }
}

const live = (user?: string): unknown[] =>
  rows(user).flatMap((row) => (row["removed"] === true ? [] : [row["highlighted_text"]]));

const sync = (...args: string[]): Promise<Ended> => annotations("sync", "--for", "viewer", ...args);
const undo = (...run: string[]): Promise<Ended> =>
  world.cli(["annotations", "undo", ...run, "--library", world.library]);

describe("annotations sync", () => {
  test("--dry-run says what would be written, and writes nothing", async () => {
    const { status, stdout } = await sync("--dry-run");
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `One (1)\n  new, its very words: ${words}\n  not placed, text_differs: no such words here\n`,
    });
    expect(rows()).toEqual([]);
  });

  test("writes it where the words stand, for whom it was said, and a second time nothing", async () => {
    const { status, stdout, stderr } = await sync();
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/\n1 written\. Run \d+-[0-9a-f]+\.\n$/);
    expect(rows()).toMatchObject([
      { type: "highlight", highlighted_text: words, notes: "of what?", style: { which: "green" }, spine_index: 0 },
    ]);
    expect((await sync()).stdout).toContain("Nothing new.\n");
    expect(live("anna")).toEqual([]);
    expect((await annotations("sync", "--for", "user:anna")).stdout).toContain("1 written");
    expect(live("anna")).toEqual([words]);
  });

  test("is taken back by undo, stays so, and comes back when that is undone", async () => {
    const { stdout } = await undo();
    expect([live("anna"), live()]).toEqual([[], [words]]);
    expect((await annotations("sync", "--for", "user:anna")).stdout).toContain("Nothing new.");
    const [, run = ""] = /^1 taken back\. Run (\S+)\.\n$/.exec(stdout) ?? [];
    expect((await undo(run)).stdout).toMatch(/^1 taken back\./);
    expect(live("anna")).toEqual([words]);
    expect(await undo(run)).toMatchObject({
      status: 2,
      stderr: `No run "${run}" wrote annotations that still stand.\n`,
    });
  });
});

const write = (): Promise<Ended> => annotations("write", "--notes", notes);
const file = (): string => join(notes, "One - A.md");

describe("annotations write", () => {
  test("makes one file a book, and a second run has nothing new", async () => {
    expect(await write()).toEqual({ status: 0, stdout: "One - A.md: new\n", stderr: "" });
    expect(readFileSync(file(), "utf8")).toContain(`> ${words}\n\nof what?\n`);
    const before = filesOf(notes)["One - A.md"];
    expect((await write()).stdout).toBe("One - A.md: nothing new\n");
    expect(filesOf(notes)["One - A.md"]).toBe(before);
  });

  test("keeps what its owner wrote, wherever the file was moved, and what the reader has no more", async () => {
    const moved = join(notes, "sub", "harbour.md");
    mkdirSync(dirname(moved));
    writeFileSync(moved, `${readFileSync(file(), "utf8")}\nMy own thoughts.\n`);
    rmSync(file());
    writeFileSync(sidecarPath(), sidecar([highlight(5, 9, "a new one")]));
    expect((await write()).stdout).toBe(`${join("sub", "harbour.md")}: changed\n`);
    const text = readFileSync(moved, "utf8");
    expect(text.endsWith("\nMy own thoughts.\n")).toBe(true);
    for (const told of [`> ${words}`, "> no such words here", "> a new one"]) expect(text).toContain(told);
    renameSync(moved, file());
  });

  test("leaves a file whose lines are not as they were, with exit code 1", async () => {
    const whole = readFileSync(file(), "utf8");
    const damaged = whole.replace(/^<!--.*yours -->$/m, "");
    writeFileSync(file(), damaged);
    expect((await write()).status).toBe(1);
    expect(readFileSync(file(), "utf8")).toBe(damaged);
    writeFileSync(file(), whole);
  });

  test("does not make again what its owner removed", async () => {
    rmSync(file());
    expect(await write()).toEqual({
      status: 0,
      stdout: "One: you removed this file: it is not made again\n",
      stderr: "",
    });
    expect(existsSync(file())).toBe(false);
  });

  test("changes nothing where what it remembers is damaged", async () => {
    const memory = join(notes, ".koreader-progress.json");
    writeFileSync(memory, "{");
    const { status, stderr } = await write();
    expect(status).toBe(2);
    expect(stderr).toContain(`${memory} is damaged`);
    expect(readFileSync(memory, "utf8")).toBe("{");
  });
});
