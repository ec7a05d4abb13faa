import { afterEach, describe, expect, test } from "vitest";
import type { KosyncClient } from "../../../src/app/ports.ts";
import { createKosyncClient } from "../../../src/io/kosync/client.ts";
import { accountOn, json, startOddServer } from "../../support/odd-server.ts";
import type { OddServer } from "../../support/odd-server.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

/** A server that answers one path besides the login. */
async function serve(
  path: string,
  status: number,
  body: unknown,
): Promise<{ client: KosyncClient; server: OddServer }> {
  const server = await startOddServer((response, heard) => {
    if (heard.path === "/users/auth") json(response, 200, { authorized: "OK" });
    else if (heard.path === path) json(response, status, body);
    else json(response, 404, { message: "Route not found" });
  });
  const client = createKosyncClient({ account: accountOn(server.url, { username: "a reader" }) });
  open.push(server, client);
  return { client, server };
}

const progress = {
  document: "0b229176d4e8db7f6d2b5a4952368d7a",
  percentage: 0.25,
  progress: "/body/DocFragment[3]/body/p[2]/text().0",
  device: "Kobo",
  device_id: "D5",
  timestamp: 1_764_000_000,
};
const second = { ...progress, document: "f".repeat(32), percentage: 0.5, device_id: null };

describe("a server's list of documents", () => {
  test("koreader-sync: with the metadata KOReader sent", async () => {
    const { client } = await serve("/syncs/documents", 200, {
      documents: [
        { ...progress, filename: "a.epub", title: "A", authors: "B" },
        { ...second, filename: null, title: null, authors: null },
      ],
    });
    expect(await client.listDocuments()).toEqual({
      documents: [
        { progress, metadata: { filename: "a.epub", title: "A", authors: "B" } },
        { progress: second, metadata: null },
      ],
      complete: true,
    });
  });

  test.each([
    ["documentHash", "deviceId"],
    ["document_hash", "device_id"],
  ])("kosync-dotnet and its kin: %s and %s, times as text", async (hash, device) => {
    const { client } = await serve("/manage/users/documents?username=a%20reader", 200, [
      {
        [hash]: progress.document,
        [device]: "D5",
        progress: progress.progress,
        percentage: 0.25,
        device: "Kobo",
        timestamp: "2025-11-24T16:00:00Z",
      },
    ]);
    expect(await client.listDocuments()).toEqual({ documents: [{ progress, metadata: null }], complete: true });
  });

  test("crosspoint-sync: a full page may not be all", async () => {
    const items = Array.from({ length: 500 }, (_, i) => ({ ...progress, document: `d${i}`, author: "B", title: "A" }));
    const { client } = await serve("/api/v1/progress?limit=500", 200, { items });
    const listing = await client.listDocuments();
    expect(listing?.complete).toBe(false);
    expect(listing?.documents[499]).toEqual({
      progress: { ...progress, document: "d499" },
      metadata: { filename: null, title: "A", authors: "B" },
    });
  });

  test("an empty list is a list", async () => {
    const { client } = await serve("/syncs/documents", 200, { documents: [] });
    expect(await client.listDocuments()).toEqual({ documents: [], complete: true });
  });

  test("a list whose pages lead in a circle comes to its end", async () => {
    const path = "/koreader-progress/v1/documents?limit=1000";
    const server = await startOddServer((response, heard) => {
      if (heard.path === "/users/auth") json(response, 200, { authorized: "OK" });
      else if (heard.path.startsWith(path)) json(response, 200, { documents: [progress], next: "further" });
      else json(response, 404, {});
    });
    const client = createKosyncClient({ account: accountOn(server.url) });
    open.push(server, client);
    const list = await client.listDocuments();
    expect(list?.complete).toBe(false);
    expect(new Set(list?.documents.map((listed) => listed.progress.document))).toEqual(new Set([progress.document]));
    expect(server.heard.map((heard) => heard.path)).toEqual(["/users/auth", path, `${path}&after=further`]);
  });

  test("a broken entry does not hide the others", async () => {
    const { client } = await serve("/syncs/documents", 200, { documents: [{ title: "?" }, null, progress] });
    expect((await client.listDocuments())?.documents).toEqual([{ progress, metadata: null }]);
  });
});

describe("a server that cannot list", () => {
  test.each<[string, number, unknown]>([
    ["/nowhere", 404, {}],
    ["/syncs/documents", 500, { code: 2000 }],
    ["/syncs/documents", 403, { message: "admins only" }],
    ["/syncs/documents", 200, { documents: [{ name: "of something else" }] }],
    ["/api/v1/progress?limit=500", 200, { items: "many" }],
  ])("%s answering %i", async (path, status, body) => {
    const { client, server } = await serve(path, status, body);
    expect(await client.listDocuments()).toBeNull();
    // Each way is tried once, even one that answers 500.
    expect(server.heard).toHaveLength(5);
  });

  test("a wrong password is not taken for that", async () => {
    const server = await startOddServer((response) => json(response, 401, { code: 2001 }));
    const client = createKosyncClient({ account: accountOn(server.url) });
    open.push(server, client);
    await expect(client.listDocuments()).rejects.toMatchObject({ kind: "Unauthorized" });
  });
});
