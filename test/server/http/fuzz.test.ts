import { connect } from "node:net";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, login, serve } from "../support/serving.ts";
import type { Serving } from "../support/serving.ts";
import { STORE_KINDS } from "../support/stores.ts";

const RUNS = 300;
/** Everything the server may say; 502 is defined for a store that fails, and here none does. */
const STATUSES = new Set([100, 200, 201, 303, 304, 400, 401, 402, 403, 404, 408, 413, 417, 429, 431]);

const method = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("GET", "PUT", "POST") },
  { weight: 4, arbitrary: fc.constantFrom("DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE", "PROPFIND") },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 8 }) },
);
const path = fc.oneof(
  fc.constantFrom("/healthcheck", "/users/create", "/users/auth", "/users/me", "/users/password", "/syncs/progress"),
  fc.constantFrom(
    "/",
    "/page/document?id=a",
    "/page/sign-in",
    "/page/delete",
    "/page/sign-out",
    "/koreader-progress/v1/documents",
  ),
  fc.string().map((text) => `/syncs/progress/${encodeURIComponent(text.toWellFormed())}`),
  fc.string().map((text) => `/syncs/progress/a?ids=${text}`),
  fc.webPath(),
  fc.string().map((text) => `/${encodeURI(text.toWellFormed())}`),
  fc.string().map((text) => `/${text}`),
);
const value = fc.oneof(fc.string(), fc.double(), fc.constantFrom(null, true, "a", 0.5), fc.jsonValue());
const body = fc.oneof(
  fc.constant(""),
  fc
    .record(
      {
        document: value,
        progress: value,
        percentage: value,
        device: value,
        device_id: value,
        metadata: value,
        identifiers: value,
        username: value,
        password: value,
      },
      { requiredKeys: [] },
    )
    .map((record) => JSON.stringify(record)),
  fc.json(),
  fc.string(),
  fc.constant("[".repeat(30_000)),
  fc.constant('{"__proto__":{"document":"a"},"constructor":1}'),
);
const harmless = fc.tuple(
  fc.constantFrom("content-type", "accept", "cookie", "if-none-match", "origin", "x-odd", "sec-fetch-site"),
  fc.oneof(fc.constantFrom("application/json", "kosync_session=a.b.c.d", "same-origin"), fc.webSegment()),
);
const harmful = fc.tuple(
  fc.constantFrom("x-auth-user", "x-auth-key", "expect", "transfer-encoding", "content-length", "upgrade", "host"),
  fc.oneof(fc.constantFrom("reader", "key-reader", "chunked", "100-continue", "websocket", "5"), fc.string()),
);
const header = fc.oneof({ weight: 8, arbitrary: harmless }, { weight: 1, arbitrary: harmful });
const request = fc
  .record({ method, path, headers: fc.array(header, { maxLength: 6 }), body, isLoggedIn: fc.boolean() })
  .map(({ method, path, headers, body, isLoggedIn }) => {
    const lines = headers.map(([name, value]) => `${name}: ${value}`);
    if (isLoggedIn) lines.push(...Object.entries(login("reader")).map(([name, value]) => `${name}: ${value}`));
    return `${method} ${path} HTTP/1.1\r\nhost: x\r\n${lines.join("\r\n")}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  });
/** Several requests in one go, cut into pieces, and perhaps broken off. */
const session = fc.record({
  requests: fc.array(request, { minLength: 1, maxLength: 4 }),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
  isAborted: fc.boolean(),
});

type Session = typeof session extends fc.Arbitrary<infer T> ? T : never;

/** Plays a session on a socket of its own; gives what came back until nothing more did. */
function play(port: number, { requests, cuts, isAborted }: Session): Promise<string> {
  const bytes = Buffer.from(requests.join(""));
  const ends = [...cuts.map((share) => Math.floor(share * bytes.length)).toSorted((a, b) => a - b), bytes.length];
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, "127.0.0.1");
    const done = (): void => resolve(Buffer.concat(chunks).toString("latin1"));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("close", done);
    socket.on("error", done);
    socket.on("connect", () => {
      let start = 0;
      const step = (): void => {
        const end = ends.shift();
        if (end === undefined) {
          if (isAborted) socket.resetAndDestroy();
          else socket.end();
          return;
        }
        socket.write(bytes.subarray(start, end), () => setImmediate(step));
        start = end;
      };
      step();
    });
  });
}

describe.each(STORE_KINDS)("fuzzed, a server on a %s store", (kind) => {
  let serving: Serving;
  beforeAll(async () => {
    serving = await serve(kind, {
      socketLimits: { requestTimeout: 1000, headersTimeout: 500, checkInterval: 100 },
      limits: { failuresPerAddress: { burst: 1e6, refillSeconds: 1 }, registrations: { burst: 1e6, refillSeconds: 1 } },
    });
  });
  afterAll(() => serving.close());

  test("says only what is defined, never crashes, and goes on serving", async () => {
    const { port } = serving.server;
    const register = { method: "POST", path: "/users/create", body: '{"username":"reader","password":"key-reader"}' };
    await ask(port, register);
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(session, async (played) => {
        const text = await play(port, played);
        const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
        for (const status of statuses) seen.add(status);
        expect(statuses.filter((status) => !STATUSES.has(status))).toEqual([]);
      }),
      { numRuns: RUNS },
    );
    // A fuzz that only ever met the front door would prove nothing.
    expect([...seen]).toEqual(expect.arrayContaining([200, 400, 401, 404]));
    expect((await ask(port, { method: "GET", path: "/healthcheck" })).json).toEqual({ state: "OK" });
    // A session may have deleted the account or changed its key; nothing but these two may stand in the way of a new one.
    expect([201, 402]).toContain((await ask(port, register)).status);
  });

  test("gives back any position of any document as it was", async () => {
    const { port } = serving.server;
    await ask(port, { method: "POST", path: "/users/create", body: '{"username":"exact","password":"key-exact"}' });
    const document = fc
      .string({ unit: "binary", minLength: 1, maxLength: 60 })
      .filter((text) => text.isWellFormed() && !text.includes(":"));
    const text = fc.string({ unit: "binary", maxLength: 200 }).filter((text) => text.isWellFormed());
    const percentage = fc.double({ min: 0, max: 1, noNaN: true }).map((share) => share + 0);
    await fc.assert(
      fc.asyncProperty(fc.record({ document, progress: text, device: text, percentage }), async (position) => {
        const body = JSON.stringify(position);
        await ask(port, { method: "PUT", path: "/syncs/progress", headers: login("exact"), body });
        const path = `/syncs/progress/${encodeURIComponent(position.document)}`;
        const { json } = await ask(port, { method: "GET", path, headers: login("exact") });
        expect(json).toEqual({ ...position, timestamp: expect.any(Number) });
      }),
      { numRuns: RUNS },
    );
  });
});
