import { asyncProperty, assert, double, record, string } from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KosyncClient } from "../../../src/app/ports.ts";
import { listed } from "../../server/support/stores.ts";
import { userkeyOf } from "../../../src/core/md5.ts";
import { startServer } from "../../../src/compose.ts";
import { forPeople } from "../../../src/io/kosync/answers.ts";
import { createKosyncClient } from "../../../src/io/kosync/client.ts";
import type { RunningServer } from "../../../src/server/listen.ts";
import { accountOn } from "../../support/odd-server.ts";

const NOW = 1_764_000_000;
const DOCUMENT = "0b229176d4e8db7f6d2b5a4952368d7a";
const TO_PUT = {
  document: DOCUMENT,
  progress: "/body/DocFragment[11]/body/div/p[7]/text().123",
  percentage: 0.4213,
  device: "calibre",
  device_id: "calibre-koreader-progress-1",
};

let server: RunningServer;
const clients: KosyncClient[] = [];

beforeAll(async () => {
  server = await startServer({
    port: 0,
    registration: "open",
    basePath: "/kosync",
    clock: () => NOW,
    scryptCost: { N: 16, r: 1, p: 1 },
  });
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await server.stop();
});

async function register(username: string): Promise<KosyncClient> {
  const account = accountOn(`http://127.0.0.1:${server.port}/kosync`, { username, userkey: userkeyOf(username) });
  const client = createKosyncClient({ account });
  clients.push(client);
  await client.register();
  return client;
}

describe("the client on the project's own server", () => {
  test.each(["reader", "Zoë Ł. 本", "a b@c+d", "'; DROP TABLE users; --", "😀"])(
    "a user named %s registers, logs in, puts and gets",
    async (username) => {
      const client = await register(username);
      await client.authorize();
      expect(await client.getProgress(DOCUMENT)).toBeNull();
      expect(await client.putProgress(TO_PUT)).toEqual({ timestamp: NOW });
      expect(await client.getProgress(DOCUMENT)).toEqual({ ...TO_PUT, timestamp: NOW });
    },
  );

  test("what one user puts, another does not get", async () => {
    const one = await register("one");
    const other = await register("other");
    await one.putProgress(TO_PUT);
    expect(await other.getProgress(DOCUMENT)).toBeNull();
  });

  test("whatever is put comes back as it was", async () => {
    const client = await register("anything");
    const text = string({ unit: "grapheme", minLength: 1, maxLength: 60 });
    const records = record({
      document: text.filter((name) => !name.includes(":") && name !== "." && name !== ".."),
      progress: text,
      percentage: double({ min: 0, max: 1, noNaN: true }).map((share) => share + 0),
      device: text,
      device_id: text,
    });
    await assert(
      asyncProperty(records, async (wanted) => {
        await client.putProgress(wanted);
        const device = forPeople(wanted.device);
        expect(await client.getProgress(wanted.document)).toEqual({ ...wanted, device, timestamp: NOW });
      }),
      { numRuns: 150 },
    );
  });

  test.each([".", "..", "\uD800", "../../users/auth", "a/../b", "%2e%2e"])(
    "a document named %j is no other address",
    async (document) => {
      const client = await register(`asks for ${encodeURIComponent(document.toWellFormed())}`);
      expect(await client.getProgress(document)).toBeNull();
    },
  );

  test("its list tells every document, however many pages it takes", async () => {
    const client = await register("owner of many");
    const names = Array.from({ length: 1201 }, (_, index) => `document ${index}`);
    const metadata = { filename: null, title: "A", authors: null };
    for (const document of names) await client.putProgress({ ...TO_PUT, document });
    await client.putProgress({ ...TO_PUT, document: "document 7", metadata: { title: "A" } });
    const list = await client.listDocuments();
    expect(list?.complete).toBe(true);
    const found = new Map(list?.documents.map((listed) => [listed.progress.document, listed]));
    expect([...found.keys()].toSorted()).toEqual(names.toSorted());
    const record = { ...TO_PUT, timestamp: NOW };
    expect(found.get("document 7")).toEqual({ progress: { ...record, document: "document 7" }, metadata });
    expect(found.get("document 8")).toEqual({ progress: { ...record, document: "document 8" }, metadata: null });
  });

  test("metadata goes along", async () => {
    const client = await register("with metadata");
    await client.putProgress({ ...TO_PUT, metadata: { filename: "a.epub", title: "A", authors: "B" } });
    expect(await listed(server.store, "with metadata")).toMatchObject([
      { document: DOCUMENT, metadata: { filename: "a.epub", title: "A", authors: "B" } },
    ]);
  });

  test("a thousand documents, asked at once, all come back", async () => {
    const client = await register("many");
    const names = Array.from({ length: 1000 }, (_, i) => `document-${i}`);
    await Promise.all(names.map((document, i) => client.putProgress({ ...TO_PUT, document, percentage: i / 1000 })));
    const records = await Promise.all(names.map((document) => client.getProgress(document)));
    expect(records.map((found) => found?.percentage)).toEqual(names.map((_, i) => i / 1000));
  });
});

test("a full account is no wrong password: what it has is kept up to date, and only the new book is refused", async () => {
  const full = await startServer({ port: 0, registration: "open", quota: { documents: 1 } });
  const client = createKosyncClient({ account: accountOn(full.url, { username: "full", userkey: userkeyOf("full") }) });
  try {
    await client.register();
    await client.putProgress(TO_PUT);
    await expect(client.putProgress({ ...TO_PUT, document: "f".repeat(32) })).rejects.toMatchObject({
      kind: "ServerRefused",
      data: { message: expect.stringContaining("This account is full") as unknown },
    });
    await client.putProgress({ ...TO_PUT, percentage: 0.5 });
    expect(await client.getProgress(TO_PUT.document)).toMatchObject({ percentage: 0.5 });
  } finally {
    await client.close();
    await full.stop();
  }
});
