import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context } from "./context.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "./gate.ts";
import type { Note } from "./observe.ts";
import { readWrite, showOutcome, showRecord } from "./routes-progress.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** What the fast path lies beside. */
export interface SlowPath {
  /** Answers any request whose body is still unread. */
  readonly handle: Handler;
  /** Answers a request whose body was read already. */
  readonly handleRead: (request: IncomingMessage, body: Buffer, response: ServerResponse) => void;
  /** Answers, and logs, that the store has failed; the same question is not put to it a second time. */
  readonly fail: (request: IncomingMessage, response: ServerResponse, route: string, error: unknown) => void;
  /** Whether the server is about to end: then whatever comes anew is for the slow path. */
  readonly isClosing: () => boolean;
  /** To be called before an answer's head is written: if the server is about to end it tells the client to hang up. */
  readonly tellOfEnd: (response: ServerResponse) => void;
  readonly note: Note | null;
  readonly maxBodyBytes: number;
}

const JSON_TYPE = "application/json; charset=utf-8";
/** Ids that are the same in a path as they are: every digest is one. */
const PLAIN_ID = /^[\w-][\w.-]{0,199}$/;

/**
 * A fast path for what nearly all requests are: a `PUT` or a `GET` of a position by a device that was let in before, in its
 * simplest form. It gives the very answers of the routes and leaves everything else to them, above all every refusal.
 * Measured: a fifth to a quarter of a request's cost is the framework's, and it is the larger part of a `GET`.
 */
export function createFastPath({ store, gate, clock, pending, basePath }: Context, slowPath: SlowPath): Handler {
  const putPath = `${basePath}/syncs/progress`;
  const getPath = `${putPath}/`;
  const getRoute = `${getPath}:document`;

  function note(request: IncomingMessage, response: ServerResponse, route: string, since: number): void {
    const { statusCode } = response;
    slowPath.note?.(
      request.method ?? "",
      route,
      statusCode,
      performance.now() - since,
      request.socket.remoteAddress ?? "",
    );
  }

  function answer(response: ServerResponse, value: object): void {
    const text = JSON.stringify(value);
    slowPath.tellOfEnd(response);
    response.writeHead(200, { "content-type": JSON_TYPE, "content-length": Buffer.byteLength(text) });
    response.end(text);
  }

  /** Who is remembered with these headers; null for all others, whom the slow path knows how to treat. */
  function callerOf(request: IncomingMessage): Caller | null {
    try {
      return gate.recall(request.headers);
    } catch {
      return null;
    }
  }

  async function get(request: IncomingMessage, response: ServerResponse, id: string, caller: Caller): Promise<void> {
    const since = slowPath.note === null ? 0 : performance.now();
    try {
      const { credential, found } = await store.find(caller.username, [id], false);
      if (credential !== caller.credential) {
        slowPath.handle(request, response);
        return;
      }
      answer(response, found === null ? {} : showRecord(found.record));
    } catch (error) {
      slowPath.fail(request, response, getRoute, error);
    }
    note(request, response, getRoute, since);
  }

  async function put(request: IncomingMessage, response: ServerResponse, body: Buffer, caller: Caller): Promise<void> {
    const since = slowPath.note === null ? 0 : performance.now();
    try {
      const write = readWrite(body, clock());
      const outcome = write instanceof Refusal ? null : await pending.write(caller.username, caller.credential, write);
      if (write instanceof Refusal || outcome?.status !== "written") {
        slowPath.handleRead(request, body, response);
        return;
      }
      answer(response, showOutcome(outcome, write.timestamp));
    } catch (error) {
      slowPath.fail(request, response, putPath, error);
    }
    note(request, response, putPath, since);
  }

  function receive(request: IncomingMessage, response: ServerResponse, caller: Caller): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const [only] = chunks;
      const body = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
      void put(request, response, body, caller);
    });
  }

  return (request, response) => {
    const { method, url = "", headers } = request;
    if (slowPath.isClosing()) {
      slowPath.handle(request, response);
      return;
    }
    if (method === "GET" && url.startsWith(getPath)) {
      const id = url.slice(getPath.length);
      const caller = PLAIN_ID.test(id) ? callerOf(request) : null;
      if (caller !== null) {
        void get(request, response, id, caller);
        return;
      }
    } else if (method === "PUT" && url === putPath) {
      // A length that is told and small: chunked bodies and large ones are for the slow path, which limits them.
      const isSmall = Number(headers["content-length"]) <= slowPath.maxBodyBytes;
      const caller = isSmall && headers["transfer-encoding"] === undefined ? callerOf(request) : null;
      if (caller !== null) {
        receive(request, response, caller);
        return;
      }
    }
    slowPath.handle(request, response);
  };
}
