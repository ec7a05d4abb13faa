import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "../../../src/server/listen.ts";
import type { ListenOptions, RunningServer } from "../../../src/server/listen.ts";
import { startRedis } from "./redis.ts";
import type { STORE_KINDS } from "./stores.ts";

/** scrypt at its cheapest: tests make many accounts. */
export const CHEAP = { N: 16, r: 1, p: 1 };

export interface Serving {
  readonly server: RunningServer;
  readonly options: ListenOptions;
  close(): Promise<void>;
}

/** A real server on a port of its own, on a fresh store of that kind. */
export async function serve(kind: (typeof STORE_KINDS)[number], options: ListenOptions = {}): Promise<Serving> {
  const common: ListenOptions = { port: 0, registration: "open", scryptCost: CHEAP, ...options };
  if (kind === "redis") {
    const redis = await startRedis();
    const server = await startServer({ ...common, redis: redis.url });
    return {
      server,
      options: { ...common, redis: redis.url },
      close: () => server.stop().then(() => redis.stop()),
    };
  }
  if (kind === "memory") {
    const server = await startServer(common);
    return { server, options: common, close: () => server.stop() };
  }
  const data = mkdtempSync(join(tmpdir(), "kosync-"));
  const server = await startServer({ ...common, data });
  return {
    server,
    options: { ...common, data },
    async close() {
      await server.stop();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The body as JSON, or undefined where it is none. */
  readonly json: unknown;
}

export interface Question {
  readonly method: string;
  /** As it goes on the wire. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as UTF-8. */
  readonly body?: string | Buffer;
}

/** What was sent in pieces, as one; what was cut short ends where it was cut. */
function joinChunks(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const length = Number.parseInt(bytes.subarray(at, Math.max(at, lineEnd)).toString("latin1"), 16);
    if (!(length > 0)) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
}

function parseAnswer(bytes: Buffer): Answer {
  const end = bytes.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = bytes.subarray(0, Math.max(0, end)).toString("latin1").split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const rest = bytes.subarray(end + 4);
  const text = (headers["transfer-encoding"] === "chunked" ? joinChunks(rest) : rest).toString("utf8");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: Number(statusLine.split(" ")[1]), headers, text, json };
}

/** Sends exactly these bytes on a socket of its own, and gives all that came back before the server hung up. */
export function exchange(port: number, bytes: Buffer | string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("close", () => resolve(Buffer.concat(chunks)));
    socket.on("error", (error) => (chunks.length > 0 ? resolve(Buffer.concat(chunks)) : reject(error)));
  });
}

/** One request over a real socket, with no library between that would mend it: headers go out as UTF-8 bytes. */
export async function ask(port: number, { method, path, headers = {}, body }: Question): Promise<Answer> {
  const payload = typeof body === "string" ? Buffer.from(body) : (body ?? Buffer.alloc(0));
  const lines = Object.entries({ host: "test", connection: "close", ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  if (body !== undefined) lines.push(`content-length: ${payload.length}`);
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  return parseAnswer(await exchange(port, Buffer.concat([head, payload])));
}

/** The two headers of an account. */
export function login(username: string, key = `key-${username}`): Record<string, string> {
  return { "x-auth-user": username, "x-auth-key": key };
}
