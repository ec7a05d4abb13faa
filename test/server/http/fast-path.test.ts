import { Server } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createLog } from "../../../src/server/http/log.ts";
import { ask, exchange, login, serve } from "../support/serving.ts";
import type { Answer, Question, Serving } from "../support/serving.ts";
import { STORE_KINDS } from "../support/stores.ts";

const POSITION = { document: "a", progress: "/body", percentage: 0.5, device: "Kobo" };
const clock = (): number => 1_700_000_000;

function put(body: object, headers: Record<string, string> = {}): Question {
  const all = { ...login("reader"), ...headers };
  return { method: "PUT", path: "/syncs/progress", headers: all, body: JSON.stringify(body) };
}

function get(path: string, headers = login("reader")): Question {
  return { method: "GET", path: `/syncs/progress/${path}`, headers };
}

function withoutDate({ status, headers, text }: Answer): object {
  const { date: _, ...rest } = headers;
  return { status, headers: rest, text };
}

describe.each(STORE_KINDS)("a device that was let in before, on a %s store,", (kind) => {
  let fast: Serving;
  let slow: Serving;
  beforeAll(async () => {
    fast = await serve(kind, { clock });
    // Where the log wants addresses from behind a proxy there is no fast path.
    slow = await serve(kind, { clock, trustProxy: "loopback", log: createLog("info", () => undefined) });
    for (const { server } of [fast, slow]) {
      const body = '{"username":"reader","password":"key-reader"}';
      await ask(server.port, { method: "POST", path: "/users/create", body });
      await ask(server.port, { method: "GET", path: "/users/auth", headers: login("reader") });
    }
  });
  afterAll(async () => {
    await fast.close();
    await slow.close();
  });

  const identifiers = [
    { type: "content", value: "I1" },
    { type: "structure", value: "S1" },
  ];
  test.each<[string, Question]>([
    ["a first position", put(POSITION)],
    ["a device id", put({ ...POSITION, device_id: "X", metadata: { title: "T" } })],
    ["a known document", get("a")],
    ["an unknown document", get("unknown")],
    ["a document without metadata", put({ ...POSITION, document: "with-hyphen.v2" })],
    ["an id with hyphen and dot", get("with-hyphen.v2")],
    ["an id with a slash", get("a%2Fb")],
    ["a colon", get("a%3Ab")],
    ["no id", get("")],
    ["identifiers", put({ ...POSITION, document: "I1", identifiers })],
    ["a search by identifiers", get("I1?ids=content:I1,structure:S1")],
    ["identifiers that are wrong", put({ ...POSITION, identifiers })],
    ["a field that is missing", put({ ...POSITION, device: undefined })],
    ["a document that is missing", put({ ...POSITION, document: undefined })],
    ["no JSON", { ...put({}), body: "{" }],
    ["a list", { ...put({}), body: "[]" }],
    ["an empty body", { ...put({}), body: "" }],
    ["a body too large", put({ ...POSITION, progress: "x".repeat(70_000) })],
    ["a wrong key", put(POSITION, { "x-auth-key": "wrong" })],
    ["a wrong key for a read", get("a", login("reader", "wrong"))],
    ["a name with a colon", get("a", login("reader:a", "key-reader"))],
    ["another type of body", put(POSITION, { "content-type": "text/plain" })],
    ["another method", { ...put(POSITION), method: "POST" }],
  ])("gets the very answer of the routes for %s", async (_what, question) => {
    const byFast = await ask(fast.server.port, question);
    const bySlow = await ask(slow.server.port, question);
    expect(withoutDate(byFast)).toEqual(withoutDate(bySlow));
  });

  test("gets 401 as soon as another process has changed its key, and no write through", async () => {
    const { store, port } = fast.server;
    await ask(port, { method: "POST", path: "/users/create", body: '{"username":"moved","password":"key-moved"}' });
    await ask(port, { ...put(POSITION), headers: login("moved") });
    const kept = await store.credentialOf("moved");
    await store.replaceCredential("moved", kept ?? "", "another");
    expect((await ask(port, { ...put({ ...POSITION, progress: "late" }), headers: login("moved") })).status).toBe(401);
    expect((await ask(port, get("a", login("moved")))).status).toBe(401);
    expect((await ask(port, { ...put({}), headers: login("moved"), body: "{" })).status).toBe(401);
    expect((await store.history("moved", "a")).map(({ progress }) => progress)).toEqual(["/body"]);
  });

  test("may send its body in pieces, or by chunks, and several requests at once", async () => {
    const body = JSON.stringify({ ...POSITION, document: "piecewise" });
    const head = "PUT /syncs/progress HTTP/1.1\r\nhost: x\r\nx-auth-user: reader\r\nx-auth-key: key-reader\r\n";
    const chunked = `${head}transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const plain = `${head}content-length: ${body.length}\r\n\r\n${body}`;
    const last = plain.replace("host: x", "host: x\r\nconnection: close");
    const text = (await exchange(fast.server.port, chunked + plain + last)).toString();
    expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3);
    expect(text.match(/\{"document":"piecewise","timestamp":1700000000\}/g)).toHaveLength(3);
  });
});

/** Resolves once nobody listens there any more. */
async function refused(port: number): Promise<void> {
  for (;;) {
    const isRefused = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => resolve(true));
      socket.on("connect", () => {
        socket.destroy();
        resolve(false);
      });
    });
    if (isRefused) return;
  }
}

test.each([
  ["a position", "the fast path", (body: string) => [`content-length: ${body.length}`, body], "200 OK"],
  ["no JSON", "the fast path", (body: string) => [`content-length: ${body.length}`, body.replace("{", "[")], "400 Bad"],
  [
    "a position by chunks",
    "the slow path",
    (body: string) => ["transfer-encoding: chunked", `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`],
    "200 OK",
  ],
])(
  "who is sending %s by %s when the server stops is answered and told to hang up",
  async (_what, _way, send, status) => {
    const serving = await serve("sqlite");
    const { port } = serving.server;
    await ask(port, { method: "POST", path: "/users/create", body: '{"username":"reader","password":"key-reader"}' });
    await ask(port, { method: "GET", path: "/users/auth", headers: login("reader") });
    const impatience = vi.spyOn(Server.prototype, "closeAllConnections");
    const [length = "", body = ""] = send(JSON.stringify(POSITION));
    // The server says when the request has come to whoever will answer it.
    const head = `PUT /syncs/progress HTTP/1.1\r\nx-auth-user: reader\r\nx-auth-key: key-reader\r\nexpect: 100-continue\r\n`;
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }).setEncoding("latin1");
    const heard = socket[Symbol.asyncIterator]();
    socket.write(`${head}${length}\r\n\r\n`);
    expect((await heard.next()).value).toMatch(/^HTTP\/1\.1 100 /);
    socket.write(body.slice(0, 10));
    const stopped = serving.close();
    await refused(port);
    socket.write(body.slice(10));
    const answer = String((await heard.next()).value);
    expect(answer).toContain(`HTTP/1.1 ${status}`);
    expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n");
    expect((await heard.next()).done).toBe(true);
    await stopped;
    expect(impatience).not.toHaveBeenCalled();
    impatience.mockRestore();
    socket.destroy();
  },
);
