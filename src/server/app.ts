import { fastify } from "fastify";
import type { FastifyInstance } from "fastify";
import { createGate } from "./gate.ts";
import type { Gate } from "./gate.ts";
import { createCredentials } from "./credentials.ts";
import type { ScryptCost } from "./credentials.ts";
import { Refusal } from "./errors.ts";
import { addProgressRoutes } from "./routes-progress.ts";
import { addUserRoutes } from "./routes-users.ts";
import type { Store } from "./store.ts";

/** What a server is made of; it owns nothing of it and closes nothing. */
export interface ServerOptions {
  readonly store: Store;
  /** Epoch seconds. */
  readonly clock?: () => number;
  readonly registration?: "open" | "closed";
  /** A path prefix without a trailing slash, for reverse proxies that do not strip theirs: `/kosync`. */
  readonly basePath?: string;
  readonly scryptCost?: ScryptCost;
}

/** What the routes need. */
export interface Context {
  readonly store: Store;
  readonly gate: Gate;
  readonly clock: () => number;
  readonly registration: "open" | "closed";
}

const JSON_TYPE = "application/json; charset=utf-8";
const ANY_TYPE = "application/json";
const MAX_BODY_BYTES = 64 * 1024;

function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const status = typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : null;
  if (status === 413) return new Refusal("TooLarge");
  if (typeof status === "number" && status >= 400 && status < 500) return new Refusal("BadRequest");
  return new Refusal("StoreFailed", { cause: error });
}

/** A kosync server that never listens: `listen.ts` does, and tests use `inject`. */
export function createServer(options: ServerOptions): FastifyInstance {
  const { store, clock = () => Math.floor(Date.now() / 1000), registration = "open", basePath = "" } = options;
  const cost = options.scryptCost === undefined ? {} : { cost: options.scryptCost };
  const credentials = createCredentials({ verbatim: store.keepsKeysVerbatim, ...cost });
  const context: Context = { store, gate: createGate(store, credentials), clock, registration };

  const app = fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    // Ids may be as long as a header can carry; the default of 100 would hide the longer ones.
    routerOptions: { maxParamLength: 16_384 },
    // A path that cannot be decoded is no path of the table.
    frameworkErrors: (_error, _request, reply) => {
      reply.hijack();
      reply.raw.writeHead(404, { "content-type": JSON_TYPE }).end(new Refusal("NotFound").body());
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(ANY_TYPE, { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler((_request, reply) => reply.status(404).type(JSON_TYPE).send(new Refusal("NotFound").body()));
  app.setErrorHandler((error, _request, reply) => {
    const refusal = toRefusal(error);
    return reply.status(refusal.statusCode).type(JSON_TYPE).send(refusal.body());
  });
  app.addHook("onRequest", (request, _reply, done) => {
    // A body is JSON whatever its Content-Type says, even when that is no valid one.
    if (request.headers["content-type"] !== ANY_TYPE) request.headers["content-type"] = ANY_TYPE;
    done();
  });

  const routes = (scope: FastifyInstance, _options: unknown, done: () => void): void => {
    addUserRoutes(scope, context);
    addProgressRoutes(scope, context);
    done();
  };
  void app.register(routes, { prefix: basePath });
  return app;
}
