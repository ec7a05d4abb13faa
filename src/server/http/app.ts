import type { IncomingMessage, ServerResponse } from "node:http";
import { fastify } from "fastify";
import type { FastifyInstance } from "fastify";
import { createCredentials } from "../credentials.ts";
import type { ScryptCost } from "../credentials.ts";
import type { Context } from "./context.ts";
import { answerErrors, answerNotFound, createToRefusal } from "./failures.ts";
import { guardFront } from "./front.ts";
import type { Front } from "./front.ts";
import { createGate } from "./gate.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { createLog } from "./log.ts";
import type { Log } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { createFullNote } from "./note-full.ts";
import { createNote, observe } from "./observe.ts";
import { guardOrigins } from "./origin.ts";
import type { Cors, OriginOptions } from "./origin.ts";
import { addPageRoutes } from "../page/routes.ts";
import { createPending } from "./pending.ts";
import { createProxyHint } from "./proxy-hint.ts";
import { addDocumentRoutes } from "./routes-documents.ts";
import { addProgressRoutes } from "./routes-progress.ts";
import { addUserRoutes } from "./routes-users.ts";
import { createSocketServer, DEFAULT_SOCKET_LIMITS, refuseClient } from "./socket.ts";
import type { SocketLimits, TlsFiles } from "./socket.ts";
import { createVouchedGate } from "./vouched-gate.ts";
import { watchGate } from "./watched-gate.ts";
import type { ArrivedPlace, Visit } from "../../model/hosting.ts";
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
  /** The server that this one stands behind: nobody else is answered. */
  readonly front?: Front;
  /** Told of each place that is on the disk. */
  readonly onPlace?: (place: ArrivedPlace) => void;
  /** Told of each who asks, and whether the key was right. */
  readonly onVisit?: (visit: Visit) => void;
  /** Whose pages may read and write positions; nobody's unless told otherwise. */
  readonly cors?: Cors;
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

const ANY_TYPE = "application/json";
const MAX_BODY_BYTES = 64 * 1024;

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

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
      answerNotFound(reply.raw);
    },
  });
}

/** A kosync server that never listens: `listen.ts` does, and tests use `inject`. */
export function createServer(options: ServerOptions): FastifyInstance {
  const { store, clock = () => Math.floor(Date.now() / 1000), registration = "closed", basePath = "" } = options;
  const log = options.log ?? createLog("off", () => undefined);
  const metrics = options.metrics === true ? createMetrics(store.kind) : null;
  const cost = options.scryptCost === undefined ? {} : { cost: options.scryptCost };
  const credentials = createCredentials({ verbatim: store.keepsKeysVerbatim, ...cost });
  const { front = null } = options;
  const own =
    front?.vouches === true
      ? createVouchedGate(store, credentials)
      : createGate({
          store,
          credentials,
          limits: { ...DEFAULT_LIMITS, ...options.limits },
          clock,
          onFailure: (address, isLimited) => {
            metrics?.failure(isLimited);
            log.info("key_refused", { address, limited: isLimited });
          },
        });
  const gate = options.onVisit === undefined ? own : watchGate(own, options.onVisit);
  const context: Context = {
    store,
    gate,
    clock,
    pending: createPending(store, options.onPlace),
    registration,
    basePath,
    noteFull: createFullNote(log),
  };

  const note = createNote(log, metrics);
  const origins: OriginOptions = {
    cors: options.cors ?? "off",
    basePath,
    note: ({ method = "", socket }, status) => note?.(method, "other", status, 0, socket.remoteAddress ?? ""),
  };
  const hint = options.trustProxy === undefined ? createProxyHint(log) : null;
  const app: FastifyInstance = createApp(options, (handle) => {
    const guarded = guardOrigins(origins, handle);
    if (front !== null) return guardFront(front, guarded);
    if (hint === null) return guarded;
    return (request, response) => {
      hint(request);
      guarded(request, response);
    };
  });
  let isEnding = false;
  app.addHook("preClose", (done) => {
    isEnding = true;
    done();
  });
  app.addHook("onSend", (_request, reply, _payload, done) => {
    // A client that keeps its connection keeps the server from ending; the framework tells only those who come after.
    if (isEnding) void reply.header("connection", "close");
    done();
  });
  answerErrors(app, createToRefusal(log, clock));
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
