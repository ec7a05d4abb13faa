import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, serve } from "../support/serving.ts";
import type { Serving } from "../support/serving.ts";

const MEGABYTE = 1024 ** 2;
let serving: Serving;
beforeAll(async () => {
  serving = await serve("memory");
});
afterAll(() => serving.close());

/** Sends all of it, as most clients do, and only then looks for an answer; gives what came before the end. */
function sendWhole(parts: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(serving.server.port, "127.0.0.1");
    socket.pause();
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("close", () => resolve(text));
    const rest = [...parts];
    const next = (): void => {
      const part = rest.shift();
      if (part === undefined) socket.resume();
      // Not at once: what is refused is still on its way when the answer is there.
      else socket.write(part, () => setTimeout(next, 5));
    };
    next();
  });
}

const head = (path: string, more: string): string => `PUT ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n\r\n`;
const pieces = Array.from({ length: 16 }, () => Buffer.alloc(MEGABYTE / 4, "x"));

test("a client that sends a body of 4 MB, and then looks, sees the 413", async () => {
  const text = await sendWhole([head("/syncs/progress", `content-length: ${4 * MEGABYTE}`), ...pieces]);
  expect(text).toMatch(/^HTTP\/1\.1 413 [^]*connection: close[^]*"code":413/i);
});

test("the same in pieces whose number nobody told", async () => {
  const chunked = pieces.flatMap((piece) => [`${piece.length.toString(16)}\r\n`, piece, "\r\n"]);
  const text = await sendWhole([head("/syncs/progress", "transfer-encoding: chunked"), ...chunked, "0\r\n\r\n"]);
  expect(text).toMatch(/^HTTP\/1\.1 413 [^]*"code":413/);
});

test("a page of another server that sends as much sees the 403", async () => {
  const more = `origin: https://evil.example\r\ncontent-length: ${4 * MEGABYTE}`;
  expect(await sendWhole([head("/users/password", more), ...pieces])).toMatch(/^HTTP\/1\.1 403 [^]*"code":403/);
});

test("headers without an end are told of their 431, and others are answered meanwhile", async () => {
  const wide = sendWhole(["GET / HTTP/1.1\r\nhost: x\r\nx-wide: ", ...pieces]);
  expect((await ask(serving.server.port, { method: "GET", path: "/healthcheck" })).status).toBe(200);
  expect(await wide).toMatch(/^HTTP\/1\.1 431 [^]*"code":431/);
});

test("a body of 64 KiB is still read, whatever it is", async () => {
  const body = JSON.stringify({ document: "a".repeat(65_000) });
  expect((await ask(serving.server.port, { method: "PUT", path: "/syncs/progress", body })).status).toBe(401);
});
