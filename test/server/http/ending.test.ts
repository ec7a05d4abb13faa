import { Server } from "node:http";
import { connect } from "node:net";
import { expect, test, vi } from "vitest";
import { openConnection, putRequest } from "../support/kept-alive.ts";
import { ask, login, serve } from "../support/serving.ts";

const POSITION = { document: "a", progress: "/body", percentage: 0.5, device: "Kobo" };

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
  ["a position", (body: string) => [`content-length: ${body.length}`, body], "200 OK"],
  ["no JSON", (body: string) => [`content-length: ${body.length}`, body.replace("{", "[")], "400 Bad"],
  [
    "a position by chunks",
    (body: string) => ["transfer-encoding: chunked", `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`],
    "200 OK",
  ],
])("who is sending %s when the server stops is answered and told to hang up", async (_what, send, status) => {
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
});

test("a server that ends tells devices that push on to hang up", async () => {
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
