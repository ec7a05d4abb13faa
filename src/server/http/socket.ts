import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { Refusal } from "../errors.ts";
import { limitConnections } from "./connections.ts";

/** A certificate and its key, in PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** How long, in milliseconds, and how many: what a slow or greedy client may take. */
export interface SocketLimits {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly keepAliveTimeout: number;
  readonly checkInterval: number;
  readonly maxConnections: number;
}

/** What a client that was refused may still send, in milliseconds: hung up on at once it would not see why. */
const LINGER_MS = 2000;

export const DEFAULT_SOCKET_LIMITS: SocketLimits = {
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  keepAliveTimeout: 65_000,
  checkInterval: 2000,
  maxConnections: 10_000,
};

const MAX_HEADER_BYTES = 16 * 1024;

/** The HTTP or HTTPS server below the app, with its limits. */
export function createSocketServer(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  tls: TlsFiles | null,
  limits: SocketLimits,
): Server {
  const options: ServerOptions = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    connectionsCheckingInterval: limits.checkInterval,
    // Old clients speak HTTP/1.0 or forget it.
    requireHostHeader: false,
  };
  const listener: typeof handler = (request, response) => {
    connections.heard(request.socket);
    handler(request, response);
  };
  const server = tls === null ? createServer(options, listener) : createTlsServer({ ...options, ...tls }, listener);
  const connections = limitConnections(server, limits.maxConnections);
  return server;
}

const refused = new WeakSet<Socket>();

/** Answers what is no HTTP, has too much of it or comes too slowly, in the protocol's own form, and hangs up. */
export function refuseClient(error: Error & { code?: string }, socket: Socket): void {
  // What comes after the refusal is no HTTP either.
  if (refused.has(socket)) return;
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  refused.add(socket);
  const kind =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? "Timeout"
      : error.code === "HPE_HEADER_OVERFLOW"
        ? "HeadersTooLarge"
        : "BadRequest";
  const refusal = new Refusal(kind);
  const body = refusal.body();
  const head = `HTTP/1.1 ${refusal.statusCode} ${kind}\r\nContent-Type: application/json; charset=utf-8\r\n`;
  socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("end", () => socket.destroy()).once("close", () => clearTimeout(timer));
  socket.resume();
}
