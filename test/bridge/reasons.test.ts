/**
 * Every reason that the project can give is given by a real run: by the bridge's handlers over a real server, or by
 * calibre's own side, which has a test of its own for its share (`test/calibre_plugin/sync/reasons.py`).
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Params, Result } from "../../bridge/contract.ts";
import { createHandlers } from "../../bridge/handlers.ts";
import type { Call } from "../../bridge/serve.ts";
import { CONTRACT_VERSION } from "../../bridge/version.ts";
import { startServer } from "../../src/compose.ts";
import { dayOf } from "../../src/core/ask-budget.ts";
import { partialMd5 } from "../../src/core/digest.ts";
import { openServerCache } from "../../src/io/sqlite/server-cache.ts";
import type { Account } from "../../src/model/account.ts";
import type { Base, Book, BookFormat } from "../../src/model/plan.ts";
import type { Profile, Rules } from "../../src/model/profile.ts";
import type { Progress } from "../../src/model/progress.ts";
import type { KeptPlace } from "../../src/model/push.ts";
import { WHY_DATA, WhyCode } from "../../src/model/why.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { SECTIONS, type Row } from "../core/rules-table.ts";
import { readingOf, record, T0 } from "../core/samples.ts";
import reasonsOfCalibre from "../fixtures/reasons-of-calibre.json" with { type: "json" };
import { startFront } from "../support/front.ts";
import { accountOf, bookOf, column, deviceReadingOf, knownDigestOf, profileOf } from "../support/models.ts";
import { json, type OddServer, startOddServer } from "../support/odd-server.ts";
import { temporaryFolder, writeEpub, xhtml } from "../support/positions.ts";

const folder = temporaryFolder();
const A = "a".repeat(32);
const B = "b".repeat(32);
const CALL: Call = { signal: new AbortController().signal, progress: () => {} };
const { handlers, greet, close } = createHandlers();
const told = new Set<string>();

let server: RunningServer;
/** A server that says what `said` holds, times or none, knows no list and forgets nothing. */
let plain: OddServer;
const said = new Map<string, Omit<Progress, "document">>();
/** How many questions about places it answers until it says nothing any more. */
let words = Infinity;
let account: Account;

beforeAll(async () => {
  server = await startServer({ port: 0, registration: "open", scryptCost: { N: 16, r: 1, p: 1 } });
  plain = await startOddServer((response, { method, path, body }) => {
    if (words < 0) response.destroy();
    else if (path === "/users/auth") json(response, 200, { authorized: "OK" });
    else if (path === "/syncs/progress") {
      const { document, ...rest } = JSON.parse(body) as Progress;
      said.set(document, { ...rest, timestamp: null });
      json(response, 200, { document });
    } else if (method === "GET" && path.startsWith("/syncs/progress/")) {
      const document = path.slice("/syncs/progress/".length);
      words -= 1;
      if (words < 0) response.destroy();
      else json(response, 200, said.has(document) ? { ...said.get(document), document } : {});
    } else json(response, 404, {});
  });
  const cache = openServerCache(join(folder, "cache"));
  // All that the public server is asked in a day.
  cache.spend("public", dayOf(Date.now() / 1000), 2000);
  await cache.close();
  greet({ contract: CONTRACT_VERSION, plugin: "0", cache_folder: join(folder, "cache") });
  account = accountOf({ url: server.url });
  await handlers["account/register"]({ account }, CALL);
});

afterAll(async () => {
  await close();
  await plain.close();
  await server.stop();
});

/** Notes every reason in an answer, wherever it stands. */
function heed<T>(answer: T): T {
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("code" in value && "data" in value) told.add(WhyCode.parse(value.code));
    for (const part of Object.values(value)) look(part);
  };
  look(answer);
  return answer;
}

/** What the server holds, and nothing else. */
async function holds(...records: readonly Progress[]): Promise<void> {
  said.clear();
  for (const { document, ...rest } of records) said.set(document, rest);
  for (const document of [A, B, "d".repeat(32)]) await server.store.deleteDocument("anna", document);
  await server.store.importLines(
    records.map((each) => {
      const dated = { ...each, timestamp: each.timestamp ?? 0, metadata: null, identifiers: null };
      return { kind: "document", username: "anna", record: dated, history: [] } as const;
    }),
  );
}

async function pull(
  books: Book[],
  profile: Profile,
  more: Partial<Params<"sync/planPull">> = {},
): Promise<Result<"sync/planPull">> {
  await handlers["sync/books"]({ run: "r", books }, CALL);
  const asking = { run: "r", account, profile, reach: "chosen" as const, predicts: false, settle: null, ...more };
  return heed(await handlers["sync/planPull"](asking, CALL));
}

/** A row of the rules with the digests by which its book is found, as its records' candidates are. */
async function follow(row: Row, settle: Params<"sync/planPull">["settle"] = null): Promise<void> {
  const { book = {}, records = [], rules = {}, columns, twin } = row;
  const readings = [readingOf({ ...book, records }), ...(twin === undefined ? [] : [twin])];
  const isUndated = readings.some(({ answers }) => answers.some(({ progress }) => progress.timestamp === null));
  await holds(...readings.flatMap(({ answers }) => answers.map(({ progress }) => progress)));
  const books = readings.map(({ book: one, answers }) =>
    bookOf(Object.assign({}, one, { digests: [...one.digests, ...answers.map(({ candidate }) => candidate)] })),
  );
  const profile = profileOf(columns === undefined ? { rules } : { rules, columns });
  await pull(books, profile, {
    settle,
    ...(isUndated ? { account: { ...account, id: "plain", url: plain.url } } : {}),
  });
}

/** A book with an EPUB of its own, of which a reader holds the same bytes. */
async function withFile(name: string, extra: Record<string, string> = {}): Promise<Book> {
  const path = join(folder, name);
  const sentences = Array.from({ length: 200 }, (_, at) => `<p>Sentence ${at} of this small book is told here.</p>`);
  await writeEpub(path, [{ name: "a.xhtml", content: xhtml(sentences.join("")) }], { extra });
  return bookAt(path);
}

function bookAt(path: string): Book {
  const { size, mtimeMs } = statSync(path);
  const format: BookFormat = { format: "EPUB", path, size, mtime: mtimeMs / 1000 };
  const digests = [knownDigestOf(partialMd5(readFileSync(path)), { format: "EPUB" })];
  return bookOf({ formats: [format], digests, cells: { "#pct": null, "#status": null } });
}

const EVERYTHING = [
  column("status", "#status", "text"),
  column("started", "#started", "datetime"),
  column("finished", "#finished", "datetime"),
  column("times_read", "#times", "int"),
  column("last_synced", "#synced", "datetime"),
];

const cfi = (paragraph: number): string => `epubcfi(/2/2/4/${paragraph * 2}/1:3)`;

const placeAt = (paragraph: number, more: Partial<KeptPlace> = {}): KeptPlace => ({
  source: "viewer",
  format: "EPUB",
  cfi: cfi(paragraph),
  at: Date.now() / 1000 + 60,
  delivered: null,
  ...more,
});

test("each is told by a run", { timeout: 120_000 }, async () => {
  for (const row of Object.values(SECTIONS).flat()) await follow(row);
  // As the command line asks for it: a larger step back is taken at the reader's own word.
  for (const row of SECTIONS["Never silently backwards"] ?? []) await follow(row, "server");
  await pullsBesideTheTable();
  await pullsWithoutAServer();
  await pushes();
  await carriesOver();
  const missing = Object.keys(WHY_DATA).filter((code) => !told.has(code) && !reasonsOfCalibre.includes(code));
  expect(missing).toEqual([]);
  // What calibre's side is asked to show is its own: no reason is counted twice.
  expect(reasonsOfCalibre.filter((code) => told.has(code))).toEqual([]);
});

function known(id: number, digest: string): Book {
  return bookOf({ book_id: id, digests: [knownDigestOf(digest)] });
}

async function pullsBesideTheTable(): Promise<void> {
  const profile = profileOf({});
  await holds();
  await pull([bookOf()], profile);
  const missing = { format: "EPUB", path: join(folder, "gone.epub"), size: 0, mtime: 0 };
  await pull([bookOf({ formats: [missing] })], profile);
  // A library that was used before, whose memory is lost; a profile's first run; everything that can be shown.
  await holds(record());
  await pull([{ ...known(1, A), cells: { "#pct": 12, "#status": null } }], profile);
  await pull([{ ...known(1, A), cells: { "#pct": null, "#status": null } }], { ...profile, ran_before: false });
  const empty = Object.fromEntries(EVERYTHING.map((each) => [each.column, null]));
  for (const percentage of [0.05, 1]) {
    await holds(record({ percentage }));
    await pull([{ ...known(1, A), cells: empty }], { ...profile, columns: EVERYTHING });
  }
  const base: Base = {
    ...record(),
    book_id: 1,
    percentage: 0.2,
    progress: "/body/p[1]",
    values: { "#place": "There" },
  };
  await pull([{ ...known(1, A), cells: { "#place": "There" }, base }], {
    ...profile,
    columns: [column("place", "#place", "text")],
  });

  const asked = { ...account, id: "plain", url: plain.url };
  await holds(record());
  for (const others of [1, 60]) {
    words = 1;
    const silent = Array.from({ length: others }, (_, id) => known(id + 2, id.toString(16).padStart(32, "0")));
    await pull([known(1, A), ...silent], profile, { account: asked });
  }
  words = Infinity;
  for (let times = 0; times < 2; times++) await pull([known(1, B)], profile, { account: asked, reach: "quiet" });

  const front = await startFront(server.url, { hides: /documents|api/ });
  const shared = { ...account, id: "public", url: "http://sync.koreader.rocks", proxy: front.url };
  await pull([known(1, A)], profile, { account: shared, reach: "usual" });
  await front.close();
}

async function pullsWithoutAServer(): Promise<void> {
  const columns = EVERYTHING.filter(({ field }) => field === "started" || field === "finished");
  const mark = { at: T0, percentage: 0.94, status: "complete", marked: T0 } as const;
  const statistics = { source: "statistics", at: T0, started: T0 - 86_400, last_read: T0 + 3600 } as const;
  const book: Book = {
    ...known(1, A),
    cells: Object.fromEntries(columns.map((each) => [each.column, null])),
    readings: [deviceReadingOf(A, mark), deviceReadingOf(A, statistics)],
  };
  await pull([book, known(2, B)], profileOf({ columns }), { account: null });
}

async function pushes(): Promise<void> {
  const book = await withFile("plain.epub");
  const document = book.digests[0]?.digest ?? "";
  const now = Date.now() / 1000;
  const there = (percentage: number, timestamp = T0): Progress =>
    record({ document, percentage, timestamp, progress: `/body/DocFragment[1]/body/p[${percentage * 200}]/text().0` });
  const plan = async (
    places: KeptPlace[],
    { of = book, at = null, rules = {} }: { of?: Book; at?: Progress | null; rules?: Partial<Rules> } = {},
  ): Promise<Result<"sync/planPush">> => {
    await holds(...(at === null ? [] : [at]));
    await server.store.deleteDocument("anna", document);
    if (at !== null) await holds(at);
    const request = { account, profile: profileOf({ rules }), books: [{ book: of, places }], typed: true };
    return heed(await handlers["sync/planPush"](request, CALL));
  };
  const cells = { "#pct": 40, "#status": null };
  const baseAt = (percentage: number): Base => {
    const { progress, timestamp, device } = there(percentage);
    return { book_id: 1, document, percentage, progress, timestamp, device, values: { "#pct": 40 } };
  };
  await plan([placeAt(120)]);
  await plan([placeAt(120)], { at: there(0.1) });
  await plan([], { of: { ...book, cells: { ...cells, "#pct": 60 } }, at: there(0.1) });
  await plan([], { of: { ...book, cells: { ...cells, "#pct": 60 }, base: baseAt(0.4) }, at: there(0.4) });
  await plan([placeAt(120)], { at: there(0.1), rules: { conflict: "ask" } });
  await plan([placeAt(120)], { at: there(0.9) });
  await plan([placeAt(120)], { at: there(1) });
  await plan([placeAt(120)], { at: there(0.1), rules: { conflict: "server" } });
  await plan([placeAt(120)], { at: there(0.9), rules: { conflict: "furthest" } });
  await plan([placeAt(120, { at: T0 })], { at: there(0.9, now) });
  await plan([]);
  await plan([placeAt(120, { delivered: cfi(120) })], { at: there(0.1) });
  await plan([placeAt(120)], { at: { ...there(0.6), progress: "/body/DocFragment[1]/body/p[120]/text().3" } });
  await plan([placeAt(120)], { of: { ...book, formats: [] } });
  await plan([placeAt(120, { cfi: "epubcfi(/2/2/4/9999/1:3)" })]);
  await plan([placeAt(120, { cfi: "epubcfi(nowhere" })]);
  await plan([placeAt(120)], { of: { ...book, digests: [] } });
  await plan([placeAt(120)], { of: { ...book, digests: [knownDigestOf(B, { format: "EPUB" })] } });
  await plan([placeAt(1)], { of: { ...book, base: baseAt(0.4) }, at: there(0.4) });
  const shut = `<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData><enc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/><enc:CipherData><enc:CipherReference URI="OEBPS/a.xhtml"/></enc:CipherData></enc:EncryptedData></encryption>`;
  await plan([placeAt(120)], { of: await withFile("shut.epub", { "META-INF/encryption.xml": shut }) });
  const broken = join(folder, "broken.epub");
  writeFileSync(broken, "no book");
  await plan([placeAt(120)], { of: bookAt(broken) });
  // The percentages of many books were changed at once.
  const typed = [1, 2].map((book_id) => ({ book: { ...book, book_id, cells }, places: [] }));
  heed(await handlers["sync/planPush"]({ account, profile: profileOf({}), books: typed, typed: true }, CALL));

  const { plan: first } = await plan([placeAt(120)]);
  const declined = first.puts.map(({ progress, percentage }) => ({
    side: "ours" as const,
    document,
    percentage,
    progress,
    timestamp: null,
    at: now,
  }));
  await plan([placeAt(120)], { of: { ...book, declined } });
  await takenBack(document, there(0.1));
}

/** What was pushed is taken back: to what stood there, to nothing, past a device that read on, from a server that forgets nothing. */
async function takenBack(document: string, before: Progress): Promise<void> {
  const ours = { progress: "/body/DocFragment[1]/body/p[60]/text().3", percentage: 0.3 };
  const here = { document, device: "calibre", device_id: "calibre-push-l", timestamp: T0, ...ours };
  const undo = async (earlier: Progress | null, more: Partial<Account> = {}): Promise<void> => {
    const put_backs = [{ book_id: 1, document, ours, before: earlier }];
    const asking = { account: { ...account, ...more }, library_id: "l", put_backs, again: false };
    heed(await handlers["sync/undoPush"](asking, CALL));
  };
  await holds(here);
  await undo(before);
  await holds(here);
  await undo(null);
  await holds({ ...before, percentage: 0.8 });
  await undo(null);
  await holds(here);
  await undo(null, { id: "plain", url: plain.url });
}

async function carriesOver(): Promise<void> {
  const place = record({ percentage: 0.4 });
  const older = record({ document: B, percentage: 0.3, progress: "/body/p[1]", timestamp: T0 - 1000 });
  const own = { ...older, device_id: "calibre-koreader-progress-l" };
  const offer = async (there: Progress[], on_request: boolean, document = B, more: Partial<Account> = {}) => {
    await holds(...there);
    const carry_overs = [{ book_id: 1, document, progress: place }];
    const asked = { account: { ...account, ...more }, carry_overs, reading_from: 0.01, on_request };
    const { results } = heed(await handlers["sync/planCarryOver"](asked, CALL));
    const due = results.filter(({ outcome }) => outcome === "due");
    heed(await handlers["sync/carryOver"]({ account: { ...account, ...more }, library_id: "l", due }, CALL));
  };
  const move = async (more: Partial<Account> = {}): Promise<void> => {
    const books = [A, B].map((document, book_id) => {
      const progress = { ...place, document };
      return { book_id, base: null, observations: [{ book_id, at: T0, progress }], declined: [], digests: [] };
    });
    const asked = { account: { ...account, ...more }, books, reading_from: 0.01 };
    heed(await handlers["sync/planMove"](asked, CALL));
  };
  await holds({ ...place, document: A });
  await move();
  await move({ id: "public", url: "https://sync.koreader.rocks" });
  await offer([place], false);
  await offer([place], true, A);
  await offer([place, older], true);
  await offer([place, older], false);
  await offer([place, { ...place, document: B }], false);
  await offer([place, { ...own, percentage: 0.6, timestamp: T0 + 1000 }], false);
  await offer([{ ...place, percentage: 0.7, timestamp: T0 + 1000 }], false);
  words = 0;
  await offer([place], false, B, { id: "plain", url: plain.url });
  words = Infinity;
}
