/** The main job on a throw-away library: read at night, synced in the morning, edited, sent again, and found again. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import * as z from "zod";
import { startServer } from "../src/compose.ts";
import { partialMd5 } from "../src/core/digest.ts";
import { createPrivateCalibre, type PrivateCalibre } from "../test/calibre_plugin/private-calibre.ts";
import { writeCbz, writeEpub } from "./demo-books.ts";

const USER = "reader";
const PASSWORD = "a good night's reading";

const GUIDES = ["/usr/share/calibre/quick_start", "/opt/calibre/resources/quick_start"];

const COLUMNS = [
  { field: "percent", name: "percent", datatype: "int", display: {} },
  {
    field: "status",
    name: "reading",
    datatype: "enumeration",
    display: { enum_values: ["Unread", "Reading", "Finished"], enum_colors: [] },
  },
  { field: "last_read", name: "last_read", datatype: "datetime", display: {} },
] as const;

/** A book as `calibredb list` shows it. */
const Listed = z.object({
  id: z.number(),
  title: z.string(),
  formats: z.array(z.string()),
  "*percent": z.number().nullish(),
  "*reading": z.string().nullish(),
});
type Listed = z.infer<typeof Listed>;

/** A night's reading of one book: how far, under which digest, on the copy that really left calibre. */
interface Read {
  readonly share: number;
  readonly digest: string;
}

/** Runs the demo; resolves with 0 when every book was found both times. */
export async function showOnThrowAwayLibrary(): Promise<number> {
  const calibre = await createPrivateCalibre({ bridge: "dist/bridge" });
  const server = await startServer({ port: 0, registration: "open" });
  try {
    const library = join(calibre.folder, "library");
    await makeLibrary(calibre, library);
    await register(server.url);
    const before = list(calibre, library);

    say(`\nThe first night: ${before.length} books are downloaded from calibre's content server, opened and read.`);
    const first = await readAll(calibre, library, server.url, before, 0);
    await sync(calibre, library, server.url);
    const morning = list(calibre, library);
    table(before, morning, first);

    say("\nThe next day: every book gets another title and new tags in calibre, is downloaded again, and read on.");
    for (const { id, title } of morning) edit(calibre, library, id, `${title}, revised`);
    const second = await readAll(calibre, library, server.url, morning, 0.2);
    await sync(calibre, library, server.url);
    const evening = list(calibre, library);
    table(morning, evening, second, first);

    const found = (books: readonly Listed[], reads: ReadonlyMap<number, Read>): boolean =>
      books.every((book) => book["*percent"] === Math.round((reads.get(book.id)?.share ?? -1) * 100));
    const everyBook = found(morning, first) && found(evening, second);
    say(everyBook ? "\nEvery book was found both times." : "\nSome books were not found.");
    return everyBook ? 0 : 1;
  } finally {
    await server.stop();
    calibre.dispose();
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function run(calibre: PrivateCalibre, program: string, args: readonly string[], input = ""): string {
  const done = spawnSync(calibre.program(program), args, { env: calibre.env, encoding: "utf8", input });
  if (done.status !== 0)
    throw new Error(`${program} ${args.join(" ")}\n${done.error?.message ?? ""}${done.stdout}${done.stderr}`);
  return done.stdout;
}

async function makeLibrary(calibre: PrivateCalibre, library: string): Promise<void> {
  const made = [
    join(calibre.folder, "The Lamp.epub"),
    join(calibre.folder, "The Window.epub"),
    join(calibre.folder, "Grey.cbz"),
  ] as const;
  await writeEpub(made[0], { title: "The Lamp", author: "A. Writer", version: "2.0", chapters: 12 });
  await writeEpub(made[1], { title: "The Window", author: "B. Writer", version: "3.0", chapters: 30 });
  await writeCbz(made[2], 24);
  // A format whose copies change with every edit of the metadata: only calibre's own memory of what left finds these.
  const kindle = join(calibre.folder, "The Night Train.azw3");
  const source = join(calibre.folder, "The Night Train.epub");
  await writeEpub(source, { title: "The Night Train", author: "C. Writer", version: "2.0", chapters: 6 });
  run(calibre, "ebook-convert", [source, kindle]);
  const guides = GUIDES.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder).map((name) => join(folder, name)),
  );
  run(calibre, "calibredb", ["add", "--with-library", library, ...made, kindle, ...guides.slice(0, 4)]);
  for (const { name, datatype, display } of COLUMNS) {
    run(calibre, "calibredb", [
      "add_custom_column",
      "--with-library",
      library,
      "--display",
      JSON.stringify(display),
      name,
      name,
      datatype,
    ]);
  }
}

function list(calibre: PrivateCalibre, library: string): Listed[] {
  const fields = "title,formats,*percent,*reading";
  const json = run(calibre, "calibredb", [
    "list",
    "--with-library",
    library,
    "--for-machine",
    "--sort-by",
    "id",
    "--ascending",
    "-f",
    fields,
  ]);
  return z.array(Listed).parse(JSON.parse(json));
}

function edit(calibre: PrivateCalibre, library: string, id: number, title: string): void {
  const args = ["--field", `title:${title}`, "--field", "tags:Night,Morning", "--field", "comments:<p>Read twice.</p>"];
  run(calibre, "calibredb", ["set_metadata", "--with-library", library, ...args, String(id)]);
}

/** The same pull as in calibre's window, from the command line; our own server answers it, so we must not block. */
async function sync(calibre: PrivateCalibre, library: string, url: string): Promise<void> {
  const columns = COLUMNS.flatMap(({ field, name }) => ["--column", `${field}=#${name}`]);
  const login = ["--url", url, "--user", USER, "--password-stdin"];
  const child = spawn(
    process.execPath,
    ["dist/cli.mjs", "sync", "--library", library, ...login, ...columns, "--json"],
    {
      env: calibre.env,
      stdio: ["pipe", "ignore", "inherit"],
    },
  );
  child.stdin.end(PASSWORD);
  const status = await new Promise((done) => child.on("close", done));
  if (status !== 0) throw new Error(`sync ended with ${String(status)}`);
}

const KEY = createHash("md5").update(PASSWORD).digest("hex");

/** What KOReader sends with every request. */
const HEADERS = {
  accept: "application/vnd.koreader.v1+json",
  "content-type": "application/json",
  "x-auth-user": USER,
  "x-auth-key": KEY,
};

async function register(url: string): Promise<void> {
  const body = JSON.stringify({ username: USER, password: KEY });
  const answer = await fetch(`${url}/users/create`, { method: "POST", headers: HEADERS, body });
  if (answer.status !== 201) throw new Error(`the server refused the new user: ${answer.status}`);
}

/** Downloads each book as a reader would, and pushes a place under the digest of that very copy. */
async function readAll(
  calibre: PrivateCalibre,
  library: string,
  url: string,
  books: readonly Listed[],
  further: number,
): Promise<Map<number, Read>> {
  const { port, stop } = await startContentServer(calibre, library);
  const reads = new Map<number, Read>();
  try {
    for (const [index, { id, formats }] of books.entries()) {
      const format = (formats[0] ?? "").split(".").at(-1) ?? "";
      const copy = await fetch(`http://127.0.0.1:${port}/get/${format.toUpperCase()}/${id}`);
      if (!copy.ok) throw new Error(`calibre's server answered ${copy.status} for book ${id}`);
      const digest = partialMd5(new Uint8Array(await copy.arrayBuffer()));
      const share = Math.min(1, 0.15 + index * 0.09 + further);
      reads.set(id, { share, digest });
      const body = JSON.stringify({
        document: digest,
        percentage: share,
        progress:
          format === "cbz" ? String(Math.max(1, Math.round(share * 24))) : "/body/DocFragment[3]/body/p[2]/text().0",
        device: "Simulated KOReader",
        device_id: "0123456789ABCDEF0123456789ABCDEF",
      });
      const put = await fetch(`${url}/syncs/progress`, { method: "PUT", headers: HEADERS, body });
      if (put.status !== 200) throw new Error(`the kosync server answered ${put.status}`);
    }
  } finally {
    await stop();
  }
  return reads;
}

async function startContentServer(
  calibre: PrivateCalibre,
  library: string,
): Promise<{ port: number; stop: () => Promise<void> }> {
  const port = await freePort();
  const args = ["--listen-on", "127.0.0.1", "--port", String(port), library];
  const child = spawn(calibre.program("calibre-server"), args, { env: calibre.env, stdio: "ignore" });
  const ended = new Promise<void>((done) => child.on("close", () => done()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  for (let attempt = 0; attempt < 150; attempt++) {
    if (await answers(port)) return { port, stop };
    if (hasEnded(child)) break;
    await new Promise((later) => setTimeout(later, 200));
  }
  await stop();
  throw new Error("calibre-server did not start; is another calibre program running?");
}

function hasEnded({ exitCode }: ChildProcess): boolean {
  return exitCode !== null;
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/ajax/library-info`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((ready) => probe.listen(0, "127.0.0.1", ready));
  const address = probe.address();
  await new Promise((closed) => probe.close(closed));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

function table(
  before: readonly Listed[],
  after: readonly Listed[],
  reads: ReadonlyMap<number, Read>,
  earlier?: ReadonlyMap<number, Read>,
): void {
  const rows = after.map((book, index) => {
    const read = reads.get(book.id);
    const digest = read?.digest.slice(0, 8) ?? "";
    return [
      book.title,
      (book.formats[0] ?? "").split(".").at(-1) ?? "",
      earlier === undefined ? digest : `${digest} ${earlier.get(book.id)?.digest === read?.digest ? "same" : "new"}`,
      `${Math.round((read?.share ?? 0) * 100)} %`,
      shown(before[index]),
      shown(book),
    ];
  });
  const head = ["Title", "Format", "Digest on the reader", "Read to", "Library before", "Library after"];
  const widths = head.map((word, column) => Math.max(word.length, ...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of [head, widths.map((width) => "-".repeat(width)), ...rows]) {
    say(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
}

function shown(book: Listed | undefined): string {
  const percent = book?.["*percent"];
  return percent === null || percent === undefined ? "-" : `${percent} % ${book?.["*reading"] ?? ""}`.trim();
}
