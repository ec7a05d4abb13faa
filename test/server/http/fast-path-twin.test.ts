import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLog } from "../../../src/server/http/log.ts";
import { openConnection, putRequest } from "../support/kept-alive.ts";
import { ask, exchange, login, serve } from "../support/serving.ts";
import type { Serving } from "../support/serving.ts";
import { STORE_KINDS } from "../support/stores.ts";

const RUNS = 250;
const clock = (): number => 1_700_000_000;
/** Names as they go on the wire. */
const NAMES = ["reader", "other", "Zoë"];
/** Nobody is limited: the twins must be refused alike, however many wrong keys come. */
const limits = {
  failuresPerUser: { burst: 1e9, refillSeconds: 1 },
  failuresPerAddress: { burst: 1e9, refillSeconds: 1 },
};
/** Some requests leave a connection waiting for more; it ends soon. */
const socketLimits = { keepAliveTimeout: 300, headersTimeout: 3000, requestTimeout: 3000, checkInterval: 100 };

const id = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom("a", "b", "0b229176d4e8db7f6d2b5a4952368d7a", "with-hyphen.v2", "x".repeat(200)),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("", ".", "..", ".a", "a:b", "a/b", "é", "a b", "x".repeat(201), "a%", "%zz", "\u0000"),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
);
const path = fc.oneof(
  { weight: 5, arbitrary: fc.constant("/syncs/progress") },
  { weight: 5, arbitrary: id.map((text) => `/syncs/progress/${encodeURIComponent(text.toWellFormed())}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "/syncs/progress/",
      "/syncs/progress?",
      "/syncs/progress/a?ids=x:a",
      "/syncs/progress/a?",
      "/syncs/progress/a#b",
      "/syncs//progress",
      "/SYNCS/progress/a",
      "/syncs/progress/a%2Fb",
      "/syncs/progress/a/b",
      "/syncs/progress/%61",
      "http://elsewhere/syncs/progress/a",
      "*",
    ),
  },
);
const body = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record(
        {
          document: id,
          progress: fc.oneof(fc.constant("/body/p[1]"), fc.string({ unit: "binary", maxLength: 20 })),
          percentage: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(-0, 2, "0.5", "x", null)),
          device: fc.oneof(fc.constantFrom("Kobo", "", 7), fc.string({ maxLength: 8 })),
          device_id: fc.constantFrom("X", null, 7, "é"),
          metadata: fc.constantFrom({ title: "T" }, {}, null, "no"),
          identifiers: fc.constantFrom(null, [], [{ type: "content", value: "a" }]),
        },
        { requiredKeys: ["document", "progress", "percentage", "device"] },
      )
      .map((record) => Buffer.from(JSON.stringify(record))),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("", "{", "[]", "null", "7", '"a"', '{"document":"a"}').map((text) => Buffer.from(text)),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.constantFrom(65_536, 65_537, 70_000).map((length) => Buffer.alloc(length, 32)) },
);
const credentials = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(...NAMES).map((name) => [`x-auth-user: ${name}`, `x-auth-key: key-${name}`]),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ["x-auth-user: reader", "x-auth-key: wrong"],
      ["x-auth-user: reader", "x-auth-key: key-other"],
      ["x-auth-user: reader"],
      ["x-auth-key: key-reader"],
      ["x-auth-user: reader", "x-auth-user: other", "x-auth-key: key-reader"],
      ["x-auth-user: reader", "x-auth-key: key-reader", "x-auth-key: key-reader"],
      ["X-AUTH-USER:   reader  ", "x-Auth-Key:key-reader"],
      ["x-auth-user: reader:a", "x-auth-key: key-reader"],
      ["x-auth-user: stranger", "x-auth-key: key-stranger"],
      ["x-auth-user: __proto__", "x-auth-key: key-reader"],
      [],
    ),
  },
);
const extra = fc.subarray(
  [
    "content-type: application/json",
    "content-type: nonsense;;",
    "accept: application/vnd.koreader.v1+json",
    "connection: close",
    "connection: upgrade",
    "upgrade: websocket",
    "expect: 100-continue",
    "x-forwarded-for: 1.2.3.4",
    "content-encoding: gzip",
    "if-none-match: *",
    "range: bytes=0-3",
    "origin: http://elsewhere",
  ],
  { maxLength: 3 },
);

/** The same body, framed in every way there is, right or wrong. */
function frame(bytes: Buffer, framing: string): { headers: string[]; payload: Buffer } {
  const { length } = bytes;
  const chunk = Buffer.concat([Buffer.from(`${length.toString(16)}\r\n`), bytes, Buffer.from("\r\n0\r\n\r\n")]);
  const chunked = length === 0 ? Buffer.from("0\r\n\r\n") : chunk;
  const cases: Record<string, { headers: string[]; payload: Buffer }> = {
    length: { headers: [`content-length: ${length}`], payload: bytes },
    chunked: { headers: ["transfer-encoding: chunked"], payload: chunked },
    both: { headers: [`content-length: ${length}`, "transfer-encoding: chunked"], payload: chunked },
    bothTurned: { headers: ["transfer-encoding: chunked", `content-length: ${length}`], payload: bytes },
    short: { headers: [`content-length: ${Math.max(0, length - 3)}`], payload: bytes },
    twice: { headers: [`content-length: ${length}`, `content-length: ${length}`], payload: bytes },
    twoLengths: { headers: [`content-length: ${length}`, `content-length: ${length + 1}`], payload: bytes },
    odd: { headers: [`content-length: +${length}`], payload: bytes },
    padded: { headers: [`content-length:   00${length}  `], payload: bytes },
    hidden: { headers: ["transfer-encoding: identity", `content-length: ${length}`], payload: bytes },
    none: { headers: [], payload: Buffer.alloc(0) },
  };
  return cases[framing] ?? { headers: [], payload: bytes };
}

const framing = fc.oneof(
  { weight: 5, arbitrary: fc.constant("length") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "chunked",
      "both",
      "bothTurned",
      "short",
      "twice",
      "twoLengths",
      "odd",
      "padded",
      "hidden",
      "none",
    ),
  },
);
const method = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("GET", "PUT") },
  { weight: 1, arbitrary: fc.constantFrom("HEAD", "POST", "DELETE", "OPTIONS", "PATCH", "put") },
);
const version = fc.constantFrom("1.1", "1.1", "1.1", "1.0");

function write(method: string, path: string, version: string, lines: readonly string[], payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`${[`${method} ${path} HTTP/${version}`, "host: x", ...lines].join("\r\n")}\r\n\r\n`),
    payload,
  ]);
}

/** Mostly wrong somewhere. */
const oddRequest = fc
  .tuple(method, path, version, credentials, extra, framing, body)
  .map(([method, path, version, credentials, extra, framing, body]) => {
    const { headers, payload } = frame(body, framing);
    return write(method, path, version, [...credentials, ...extra, ...headers], payload);
  });

/** What a device sends, and what the fast path is for. */
const plainRequest = fc
  .record({
    method: fc.constantFrom("GET", "PUT"),
    document: fc.constantFrom("a", "b", "0b229176d4e8db7f6d2b5a4952368d7a", "with-hyphen.v2"),
    name: fc.constantFrom(...NAMES),
    framing: fc.constantFrom("length", "length", "chunked"),
    percentage: fc.double({ min: 0, max: 1, noNaN: true }),
    device_id: fc.constantFrom("X", undefined),
  })
  .map(({ method, document, name, framing, percentage, device_id }) => {
    const lines = [`x-auth-user: ${name}`, `x-auth-key: key-${name}`];
    if (method === "GET") return write(method, `/syncs/progress/${document}`, "1.1", lines, Buffer.alloc(0));
    const position = { document, progress: "/body/p[1]", percentage, device: "Kobo", device_id };
    const { headers, payload } = frame(Buffer.from(JSON.stringify(position)), framing);
    return write(method, "/syncs/progress", "1.1", [...lines, ...headers], payload);
  });

const request = fc.oneof({ weight: 3, arbitrary: oddRequest }, { weight: 2, arbitrary: plainRequest });

/** What follows on the same connection: whatever was left unread of the request before would spoil its answer. */
const AFTER = "GET /healthcheck HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

async function answerOf(port: number, bytes: Buffer): Promise<string> {
  const answer = await exchange(port, Buffer.concat([bytes, Buffer.from(AFTER)]));
  return answer.toString("latin1").replaceAll(/\r\ndate: [^\r]*/gi, "");
}

describe.each(STORE_KINDS)("two servers on a %s store, one with the fast path and one without,", (kind) => {
  let twins: Serving[] = [];
  beforeAll(async () => {
    const log = createLog("info", () => undefined);
    const common = { clock, limits, socketLimits };
    twins = [await serve(kind, common), await serve(kind, { ...common, trustProxy: "loopback", log })];
    for (const { server } of twins) {
      for (const name of NAMES) {
        const body = JSON.stringify({ username: name, password: `key-${name}` });
        await ask(server.port, { method: "POST", path: "/users/create", body });
        await ask(server.port, { method: "GET", path: "/users/auth", headers: login(name) });
      }
    }
  });
  afterAll(async () => {
    for (const twin of twins) await twin.close();
  });

  test("give the very same bytes for any request, and for the one after it", async () => {
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(request, async (bytes) => {
        const [fast, slow] = await Promise.all(twins.map(({ server }) => answerOf(server.port, bytes)));
        expect(fast).toBe(slow);
        if (fast?.startsWith("HTTP/1.1 200") === true) answered += 1;
      }),
      { numRuns: RUNS },
    );
    // Two of five are plain.
    expect(answered).toBeGreaterThan(RUNS / 10);
  });

  test("say alike that the store has failed, and ask it once", async () => {
    for (const { server } of twins) await server.store.close();
    const body = JSON.stringify({ document: "a", progress: "/body", percentage: 0.5, device: "Kobo" });
    for (const head of ["PUT /syncs/progress", "GET /syncs/progress/a"]) {
      const lines = ["host: x", "x-auth-user: reader", "x-auth-key: key-reader", `content-length: ${body.length}`];
      const bytes = Buffer.from(`${head} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
      const [fast, slow] = await Promise.all(twins.map(({ server }) => answerOf(server.port, bytes)));
      expect(fast).toBe(slow);
      expect(fast?.slice(9, 12)).toBe(kind === "memory" ? "200" : "502");
    }
  });
});

test("a server that ends tells devices on the fast path, too, to hang up", async () => {
  const serving = await serve("sqlite");
  const { port } = serving.server;
  const body = '{"username":"reader","password":"key-reader"}';
  await ask(port, { method: "POST", path: "/users/create", body });
  await ask(port, { method: "GET", path: "/users/auth", headers: login("reader") });
  const seen = { answers: 0, isCut: false };
  async function push(): Promise<void> {
    const client = await openConnection(port);
    for (let turn = 0; ; turn++) {
      const position = { document: `d${turn % 10}`, progress: "/body", percentage: 0.5, device: "Kobo" };
      // Rejects when the server has hung up.
      const { status } = await client.ask(putRequest("reader", position));
      expect(status).toBe(200);
      seen.answers += 1;
    }
  }
  const pushing = Promise.allSettled(Array.from({ length: 8 }, push));
  while (seen.answers < 200) await new Promise((resolve) => setTimeout(resolve, 5));
  // Who is told nothing pushes on until all are cut off after ten seconds, in the middle of a request.
  const impatience = setTimeout(() => (seen.isCut = true), 9500);
  await serving.server.stop();
  clearTimeout(impatience);
  expect(seen.isCut).toBe(false);
  expect((await pushing).map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => "rejected"));
  await serving.close();
});
