import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, exchange, login, serve } from "../support/serving.ts";
import type { Question, Serving } from "../support/serving.ts";
import { STORE_KINDS } from "../support/stores.ts";

const POSITION = { document: "a", progress: "/body", percentage: 0.5, device: "Kobo" };
const clock = (): number => 1_700_000_000;

function put(name: string, body: string): Question {
  return { method: "PUT", path: "/syncs/progress", headers: login(name), body };
}

function get(name: string): Question {
  return { method: "GET", path: "/syncs/progress/a", headers: login(name) };
}

describe.each(STORE_KINDS)("a device that was let in before, on a %s store,", (kind) => {
  let serving: Serving;
  beforeAll(async () => {
    serving = await serve(kind, { clock });
    const body = '{"username":"reader","password":"key-reader"}';
    await ask(serving.server.port, { method: "POST", path: "/users/create", body });
  });
  afterAll(() => serving.close());

  test("gets 401 as soon as another process has changed its key, and no write through", async () => {
    const { store, port } = serving.server;
    await ask(port, { method: "POST", path: "/users/create", body: '{"username":"moved","password":"key-moved"}' });
    expect((await ask(port, put("moved", JSON.stringify(POSITION)))).status).toBe(200);
    const kept = await store.credentialOf("moved");
    await store.replaceCredential("moved", kept ?? "", "another");
    expect((await ask(port, put("moved", JSON.stringify({ ...POSITION, progress: "late" })))).status).toBe(401);
    expect((await ask(port, get("moved"))).status).toBe(401);
    expect((await ask(port, put("moved", "{"))).status).toBe(401);
    expect((await store.history("moved", "a")).map(({ progress }) => progress)).toEqual(["/body"]);
  });

  test("may send its body in pieces, or by chunks, and several requests at once", async () => {
    const body = JSON.stringify({ ...POSITION, document: "piecewise" });
    const head = "PUT /syncs/progress HTTP/1.1\r\nhost: x\r\nx-auth-user: reader\r\nx-auth-key: key-reader\r\n";
    const chunked = `${head}transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const plain = `${head}content-length: ${body.length}\r\n\r\n${body}`;
    const last = plain.replace("host: x", "host: x\r\nconnection: close");
    const text = (await exchange(serving.server.port, chunked + plain + last)).toString();
    expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3);
    expect(text.match(/\{"document":"piecewise","timestamp":1700000000\}/g)).toHaveLength(3);
  });

  test("is told that the store has failed", async () => {
    await serving.server.store.close();
    const failed = kind === "memory" ? 200 : 502;
    expect((await ask(serving.server.port, put("reader", JSON.stringify(POSITION)))).status).toBe(failed);
    expect((await ask(serving.server.port, get("reader"))).status).toBe(failed);
  });
});
