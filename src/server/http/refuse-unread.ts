import type { IncomingMessage, ServerResponse } from "node:http";
import type { Refusal } from "../errors.ts";

/** How long, and how much, of what nobody wants is still read off. */
const LINGER_MS = 5000;
const LINGER_BYTES = 64 * 1024 ** 2;

/**
 * Answers a request whose body is still on its way, reads that off, and hangs up. A connection that is closed under a client
 * who is sending takes the answer with it: the client would see a broken connection and try again.
 */
export function refuseUnread(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  const body = refusal.body();
  response.writeHead(refusal.statusCode, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  });
  // Whole for whoever reads it; the connection is closed only by `end`.
  response.write(request.method === "HEAD" ? "" : body);
  let length = 0;
  const timer = setTimeout(end, LINGER_MS);
  function end(): void {
    clearTimeout(timer);
    request.off("data", count);
    response.end();
  }
  function count(chunk: Buffer): void {
    length += chunk.length;
    if (length > LINGER_BYTES) end();
  }
  if (request.readableEnded || request.destroyed) {
    end();
    return;
  }
  request.on("data", count).once("end", end).once("close", end);
}
