import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import { Refusal } from "../errors.ts";
import { troubleOf } from "../stores/trouble.ts";
import type { Log } from "./log.ts";
import { refuseUnread } from "./refuse-unread.ts";

const JSON_TYPE = "application/json; charset=utf-8";
const NOT_FOUND = new Refusal("NotFound").body();
const QUIET_SECONDS = 60;
/** So many different reasons are told apart; none holds anything of a request. */
const MAX_REASONS = 100;

/** The refusal that answers an error; a failure of ours is logged, and nothing of it is in the refusal. */
export type ToRefusal = (error: unknown, method: string, route: string | null) => Refusal;

function refusalOf(error: unknown): Refusal {
  const trouble = troubleOf(error);
  if (trouble !== null) return new Refusal(trouble, { cause: error });
  if (error instanceof Refusal) return error;
  const status = typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : null;
  if (status === 413) return new Refusal("TooLarge");
  if (typeof status === "number" && status >= 400 && status < 500) return new Refusal("BadRequest");
  return new Refusal("StoreFailed", { cause: error });
}

/** What an owner can do where the database is broken. */
const WAY_OUT = "Save what can be read with backup, and restore it into another folder.";

/** What the log says: what an owner can mend in a sentence, anything else with its stack. */
function reasonOf({ kind, message, cause }: Refusal): string {
  if (kind === "Damaged") return `${message} ${WAY_OUT}`;
  if (kind !== "StoreFailed") return message;
  return cause instanceof Error ? (cause.stack ?? cause.message) : "busy";
}

/** For one server; each reason is logged once a minute, with how often it came meanwhile. */
export function createToRefusal(log: Log, clock: () => number): ToRefusal {
  const told = new Map<string, { until: number; untold: number }>();

  function tell(method: string, route: string | null, refusal: Refusal): void {
    const reason = reasonOf(refusal);
    const known = told.get(reason);
    if (known !== undefined && clock() < known.until) {
      known.untold += 1;
      return;
    }
    if (told.size >= MAX_REASONS) told.clear();
    told.set(reason, { until: clock() + QUIET_SECONDS, untold: 0 });
    log.error("store_failed", { method, route, reason, ...(known === undefined ? {} : { untold: known.untold }) });
  }

  return (error, method, route) => {
    const refusal = refusalOf(error);
    if (refusal.statusCode === 502) tell(method, route, refusal);
    return refusal;
  };
}

/** For a path that cannot be decoded: it is no path of the table. */
export function answerNotFound(response: ServerResponse): void {
  const headers = { "content-type": JSON_TYPE, "content-length": Buffer.byteLength(NOT_FOUND) };
  response.writeHead(404, headers).end(NOT_FOUND);
}

/** Answers every refusal in the protocol's form. */
export function answerErrors(app: FastifyInstance, toRefusal: ToRefusal): void {
  app.setNotFoundHandler((_request, reply) => reply.status(404).type(JSON_TYPE).send(NOT_FOUND));
  app.setErrorHandler((error, request, reply) => {
    const refusal = toRefusal(error, request.method, request.routeOptions.url ?? null);
    if (refusal.kind === "TooLarge") {
      reply.hijack();
      refuseUnread(request.raw, reply.raw, refusal);
      return reply;
    }
    if (refusal.kind === "TooMany") void reply.header("retry-after", "60");
    return reply.status(refusal.statusCode).type(JSON_TYPE).send(refusal.body());
  });
}
