import type { FastifyInstance } from "fastify";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** Told of each answer. `route` is the pattern and not the path: a path names a book, and a wrong one may hold anything. */
export type Note = (method: string, route: string, status: number, ms: number, address: string) => void;

/** Writes a line for, and counts, every answer; null when nobody wants either. */
export function createNote(log: Log, metrics: Metrics | null): Note | null {
  const isLogged = log.level === "info" || log.level === "debug";
  if (!isLogged && metrics === null) return null;
  return (method, route, status, ms, address) => {
    metrics?.request(method, route, status, ms / 1000);
    if (isLogged) log.info("request", { method, route, status, ms: Math.round(ms * 100) / 100, address });
  };
}

/** Notes what the app answers. */
export function observe(app: FastifyInstance, note: Note | null): void {
  if (note === null) return;
  app.addHook("onResponse", (request, reply, done) => {
    note(request.method, request.routeOptions.url ?? "other", reply.statusCode, reply.elapsedTime, request.ip);
    done();
  });
}
