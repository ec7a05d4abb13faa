/** A move between two real servers: what the new one lacks it is given, and nothing of its own is touched. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { carryOver } from "../../src/app/carry-over.ts";
import { planMove } from "../../src/app/move.ts";
import type { KosyncClient, ServerCache } from "../../src/app/ports.ts";
import { compose, startServer, type Outside } from "../../src/compose.ts";
import { userkeyOf } from "../../src/core/md5.ts";
import type { Account } from "../../src/model/account.ts";
import type { RememberedBook } from "../../src/model/move.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { accountOf } from "../support/models.ts";

const running = { signal: new AbortController().signal, progress: () => undefined };
let server: RunningServer;
let outside: Outside;
let account: Account;
let client: KosyncClient;

beforeAll(async () => {
  server = await startServer({ port: 0, registration: "open" });
  outside = await compose({ cache_folder: null });
  account = accountOf({ url: server.url, userkey: userkeyOf("pw") });
  client = await outside.openClient(account);
  await client.register();
});

afterAll(async () => {
  await client?.close();
  await outside?.close();
  await server?.stop();
});

function remembered(book_id: number, document: string, percentage: number): RememberedBook {
  const progress = { document, percentage, progress: "/body/p[1]", device: "Kobo", device_id: "K", timestamp: 100 };
  return { book_id, base: null, observations: [{ book_id, at: 100, progress }], declined: [], digests: [] };
}

test("what the server lacks is put under our own name, once; what stands there stays", async () => {
  const there = { document: "b", percentage: 0.9, progress: "/body/p[9]", device: "Boox", device_id: "B" };
  await client.putProgress(there);
  const books = [remembered(1, "a", 0.4), remembered(2, "b", 0.1)];
  const planned = await planMove({ account, books, reading_from: 0.01 }, outside, running);
  expect(planned.map(({ outcome, why }) => [outcome, why.code])).toEqual([
    ["due", "moved"],
    ["not_needed", "move_stands"],
  ]);
  const due = planned.filter(({ outcome }) => outcome === "due");
  const done = await carryOver({ account, library_id: "lib", due }, outside, running);
  expect(done).toMatchObject([{ outcome: "carried", why: { code: "moved" } }]);
  expect(await client.getProgress("a")).toMatchObject({
    percentage: 0.4,
    progress: "/body/p[1]",
    device_id: "calibre-koreader-progress-lib",
  });
  expect(await client.getProgress("b")).toMatchObject(there);
  const again = await planMove({ account, books, reading_from: 0.01 }, outside, running);
  expect(again.map(({ outcome }) => outcome)).toEqual(["not_needed", "not_needed"]);
});

test("a shared server is asked no more than its day allows: the rest waits", async () => {
  const books = Array.from({ length: 10 }, (_, index) => remembered(index, `shared-${index}`, 0.5));
  let spent = 1994;
  const cache: ServerCache = { ...outside.cache, spent: () => spent, spend: (_id, _day, more) => void (spent += more) };
  const shared = { ...account, url: "https://sync.koreader.rocks" };
  const openClient = () => outside.openClient(account);
  const planned = await planMove(
    { account: shared, books, reading_from: 0.01 },
    { ...outside, cache, openClient },
    running,
  );
  expect(planned.filter(({ outcome }) => outcome === "due")).toHaveLength(2);
  expect(planned.filter(({ why }) => why.code === "move_waits")).toHaveLength(8);
  expect(spent).toBe(2000);
});
