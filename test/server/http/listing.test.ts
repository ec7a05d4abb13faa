import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import * as z from "zod";
import { createCredentials } from "../../../src/server/credentials.ts";
import { openSqliteStore } from "../../../src/server/stores/sqlite/store.ts";
import type { ExportLine } from "../../../src/server/stores/store.ts";
import { startChild } from "../support/child.ts";
import type { ChildServer } from "../support/child.ts";
import { ask, CHEAP, login } from "../support/serving.ts";

const DOCUMENTS = 1000;
/** As much as fits into a request: an account of older times may hold such. */
const LONG = "x".repeat(60_000);
const PATH = "/koreader-progress/v1/documents";
const Page = z.object({ documents: z.array(z.object({ document: z.string() })), next: z.string().nullable() });

const folder = mkdtempSync(join(tmpdir(), "kosync-listing-"));
let server: ChildServer;
beforeAll(async () => {
  const store = openSqliteStore(join(folder, "kosync.sqlite"));
  await store.createUser("ann", await createCredentials({ verbatim: false, cost: CHEAP }).make("key-ann"));
  const rest = { percentage: 0.5, device: "Kobo", device_id: null, timestamp: 1, metadata: null, identifiers: null };
  for (let from = 0; from < DOCUMENTS; from += 50) {
    const lines = Array.from({ length: 50 }, (_, index): ExportLine => {
      const document = `document-${String(from + index).padStart(4, "0")}`;
      return { kind: "document", username: "ann", record: { ...rest, document, progress: LONG }, history: [] };
    });
    await store.importLines(lines);
  }
  await store.close();
  // All of it at once is more than it may hold.
  server = await startChild(["--data", folder], {}, ["--max-old-space-size=48"]);
});
afterAll(async () => {
  await server.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

async function listAll(): Promise<{ names: string[]; pages: number }> {
  const names: string[] = [];
  let pages = 0;
  for (let after: string | null = null; pages === 0 || after !== null; pages++) {
    const query: string = after === null ? "" : `&after=${after}`;
    const { json } = await ask(server.port, {
      method: "GET",
      path: `${PATH}?limit=5000${query}`,
      headers: login("ann"),
    });
    const page = Page.parse(json);
    names.push(...page.documents.map(({ document }) => document));
    after = page.next;
  }
  return { names, pages };
}

test("six listings at once of 60 MB each come whole, in pages, out of a server that could hold none of them", async () => {
  const all = await Promise.all(Array.from({ length: 6 }, listAll));
  for (const { names, pages } of all) {
    expect(pages).toBeGreaterThan(5);
    expect(new Set(names).size).toBe(DOCUMENTS);
    expect(names).toHaveLength(DOCUMENTS);
  }
  expect(server.child.exitCode).toBeNull();
});

test("clients that ask for a listing and never read it cost the others nothing", async () => {
  const lines = Object.entries(login("ann")).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `GET ${PATH}?limit=5000 HTTP/1.1\r\nhost: x\r\n${lines.join("")}\r\n`;
  const idle = Array.from({ length: 100 }, () => connect(server.port, "127.0.0.1").pause());
  // All but the last few are hung up on: an account has no use for so many.
  for (const socket of idle) socket.on("error", () => undefined).write(request);
  // While they still arrive, the account's own listing may be the one that is given up.
  const { names } = await vi.waitFor(listAll, { timeout: 30_000 });
  expect(names).toHaveLength(DOCUMENTS);
  expect((await ask(server.port, { method: "GET", path: "/healthcheck" })).status).toBe(200);
  for (const socket of idle) socket.destroy();
});
