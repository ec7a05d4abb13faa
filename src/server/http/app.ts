import { IncomingMessage } from "node:http";
import { fastify } from "fastify";
import type { FastifyInstance } from "fastify";
import { createCredentials } from "../credentials.ts";
import type { ScryptCost } from "../credentials.ts";
import type { Context } from "./context.ts";
import { Refusal } from "../errors.ts";
import { createFastLane } from "./fast-lane.ts";
import type { MainRoad } from "./fast-lane.ts";
import { createGate } from "./gate.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { createLog } from "./log.ts";
import type { Log } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { createNote, logsRequests, observe } from "./observe.ts";
import { addPageRoutes } from "../page/routes.ts";
import { createPending } from "./pending.ts";
import { addDocumentRoutes } from "./routes-documents.ts";
import { addProgressRoutes } from "./routes-progress.ts";
import { addUserRoutes } from "./routes-users.ts";
import { createSocketServer, DEFAULT_SOCKET_LIMITS, refuseClient } from "./socket.ts";
import type { SocketLimits, TlsFiles } from "./socket.ts";
import type { Store } from "../stores/store.ts";

/** What a server is made of; it owns nothing of it and closes nothing. */
export interface ServerOptions {
  readonly store: Store;
  /** Epoch seconds. */
  readonly clock?: () => number;
  /** Whether strangers may make accounts; closed unless told otherwise. */
  readonly registration?: "open" | "closed";
  /** A path prefix without a trailing slash, for reverse proxies that do not strip theirs: `/kosync`. */
  readonly basePath?: string;
  /** Whose `X-Forwarded-For` is believed: "loopback", addresses and networks, with commas between them. */
  readonly trustProxy?: string;
  readonly tls?: TlsFiles;
  /** Whether `/metrics` is there. */
  readonly metrics?: boolean;
  /** Whether the page at `/` is there; it is unless told otherwise. */
  readonly page?: boolean;
  readonly log?: Log;
  readonly scryptCost?: ScryptCost;
  readonly limits?: Partial<Limits>;
  readonly socketLimits?: Partial<SocketLimits>;
}

const JSON_TYPE = "application/json; charset=utf-8";
const ANY_TYPE = "application/json";
const MAX_BODY_BYTES = 64 * 1024;
const NOT_FOUND = new Refusal("NotFound").body();

function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const status = typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : null;
  if (status === 413) return new Refusal("TooLarge");
  if (typeof status === "number" && status >= 400 && status < 500) return new Refusal("BadRequest");
  return new Refusal("StoreFailed", { cause: error });
}

type Handler = MainRoad["handle"];

/** A client that keeps its connection keeps the server from ending; the framework tells only those who come after. */
function tellOfEndIf(isClosing: () => boolean): MainRoad["tellOfEnd"] {
  return (response) => {
    if (isClosing() && !response.headersSent) response.setHeader("connection", "close");
  };
}

/**
 * Answers a request whose body was read already, as if it came anew. The framework's own way to do this refuses to while
 * the server is about to end.
 */
function handleReadBy(handle: Handler): MainRoad["handleRead"] {
  return (request, body, response) => {
    const again = new IncomingMessage(request.socket);
    const { method = "", url = "", headers, httpVersion, httpVersionMajor, httpVersionMinor } = request;
    Object.assign(again, { method, url, headers, httpVersion, httpVersionMajor, httpVersionMinor, complete: true });
    again.push(body);
    again.push(null);
    handle(again, response);
  };
}

function createApp(options: ServerOptions, beside: (handler: Handler) => Handler): FastifyInstance {
  const socketLimits = { ...DEFAULT_SOCKET_LIMITS, ...options.socketLimits };
  return fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: options.trustProxy ?? false,
    // What was accepted before the end is answered as ever.
    return503OnClosing: false,
    // Ids may be as long as a header can carry; the default of 100 would hide the longer ones.
    routerOptions: { maxParamLength: 16_384 },
    serverFactory: (handler) => createSocketServer(beside(handler), options.tls ?? null, socketLimits),
    clientErrorHandler: refuseClient,
    // A path that cannot be decoded is no path of the table.
    frameworkErrors: (_error, _request, reply) => {
      reply.hijack();
      const headers = { "content-type": JSON_TYPE, "content-length": Buffer.byteLength(NOT_FOUND) };
      reply.raw.writeHead(404, headers).end(NOT_FOUND);
    },
  });
}

function logFailure(log: Log, method: string, route: string | null, { cause }: Refusal): void {
  const reason = cause instanceof Error ? (cause.stack ?? cause.message) : "busy";
  log.error("store_failed", { method, route, reason });
}

/** What `answerErrors` does, for a request that the framework has not seen. */
function failBy(log: Log, tellOfEnd: MainRoad["tellOfEnd"]): MainRoad["fail"] {
  return (request, response, route, error) => {
    const refusal = toRefusal(error);
    logFailure(log, request.method ?? "", route, refusal);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    tellOfEnd(response);
    const body = refusal.body();
    const headers = { "content-type": JSON_TYPE, "content-length": Buffer.byteLength(body) };
    response.writeHead(refusal.statusCode, headers).end(body);
  };
}

/** Answers every refusal in the protocol's form; what is no refusal is our fault, is logged, and shows nothing of itself. */
function answerErrors(app: FastifyInstance, log: Log): void {
  app.setNotFoundHandler((_request, reply) => reply.status(404).type(JSON_TYPE).send(NOT_FOUND));
  app.setErrorHandler((error, request, reply) => {
    const refusal = toRefusal(error);
    if (refusal.kind === "StoreFailed") logFailure(log, request.method, request.routeOptions.url ?? null, refusal);
    if (refusal.kind === "TooMany") void reply.header("retry-after", "60");
    return reply.status(refusal.statusCode).type(JSON_TYPE).send(refusal.body());
  });
}

/** A kosync server that never listens: `listen.ts` does, and tests use `inject`. */
export function createServer(options: ServerOptions): FastifyInstance {
  const { store, clock = () => Math.floor(Date.now() / 1000), registration = "closed", basePath = "" } = options;
  const log = options.log ?? createLog("off", () => undefined);
  const metrics = options.metrics === true ? createMetrics(store.kind) : null;
  const cost = options.scryptCost === undefined ? {} : { cost: options.scryptCost };
  const gate = createGate({
    store,
    credentials: createCredentials({ verbatim: store.keepsKeysVerbatim, ...cost }),
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    clock,
    onFailure: (address, isLimited) => {
      metrics?.failure(isLimited);
      log.info("key_refused", { address, limited: isLimited });
    },
  });
  const context: Context = { store, gate, clock, pending: createPending(store), registration, basePath };

  const note = createNote(log, metrics);
  // Who stands behind a proxy is the framework's knowledge: where the log wants it, all goes by the road.
  const hasLane = options.trustProxy === undefined || !logsRequests(log);
  let isEnding = false;
  const isClosing = (): boolean => isEnding;
  const tellOfEnd = tellOfEndIf(isClosing);
  const road = {
    fail: failBy(log, tellOfEnd),
    isClosing,
    tellOfEnd,
    note,
    maxBodyBytes: MAX_BODY_BYTES,
  };
  const app: FastifyInstance = createApp(options, (handle) =>
    hasLane ? createFastLane(context, { ...road, handle, handleRead: handleReadBy(handle) }) : handle,
  );
  app.addHook("preClose", (done) => {
    isEnding = true;
    done();
  });
  app.addHook("onSend", (_request, reply, _payload, done) => {
    tellOfEnd(reply.raw);
    done();
  });
  answerErrors(app, log);
  observe(app, note);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(ANY_TYPE, { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.addHook("onRequest", (request, _reply, done) => {
    // A body is taken as it is whatever its Content-Type says, even when that is no valid one.
    if (request.headers["content-type"] !== ANY_TYPE) request.headers["content-type"] = ANY_TYPE;
    done();
  });

  const routes = (scope: FastifyInstance, _options: unknown, done: () => void): void => {
    addUserRoutes(scope, context);
    addProgressRoutes(scope, context);
    addDocumentRoutes(scope, context);
    if (options.page !== false) addPageRoutes(scope, context);
    if (metrics !== null) {
      scope.get("/metrics", (_request, reply) => reply.type("text/plain; version=0.0.4").send(metrics.format()));
    }
    done();
  };
  void app.register(routes, { prefix: basePath });
  return app;
}
