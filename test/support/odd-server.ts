import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Account } from "../../src/model/account.ts";

export interface Heard {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface OddServer {
  url: string;
  port: number;
  heard: Heard[];
  close(): Promise<void>;
}

type Answer = (response: ServerResponse, heard: Heard, request: IncomingMessage) => void;

/** A real server on loopback that answers as it is told, and remembers what it heard. */
export async function startOddServer(
  answer: Answer,
  tls?: { key: string; cert: string },
  port = 0,
): Promise<OddServer> {
  const heard: Heard[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const entry: Heard = {
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
      };
      heard.push(entry);
      answer(response, entry, request);
    });
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${address.port}`,
    port: address.port,
    heard,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** Answers JSON. */
export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** An account on it, with a key that no answer and no error may show. */
export function accountOn(url: string, more: Partial<Account> = {}): Account {
  return {
    id: "test",
    url,
    username: "reader",
    userkey: "5ebe2294ecd0e0f08eab7690d2a6ee69",
    headers: {},
    tls: { mode: "system" },
    proxy: null,
    ...more,
  };
}
