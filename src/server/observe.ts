import type { FastifyInstance } from "fastify";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** Writes a line for, and counts, every answer; costs nothing when nobody wants either. */
export function observe(app: FastifyInstance, log: Log, metrics: Metrics | null): void {
  const isLogged = log.level === "info" || log.level === "debug";
  if (!isLogged && metrics === null) return;
  app.addHook("onResponse", (request, reply, done) => {
    // The pattern and not the path: a path names a book, and a wrong one may hold anything.
    const route = request.routeOptions.url ?? "other";
    const { method } = request;
    metrics?.request(method, route, reply.statusCode, reply.elapsedTime / 1000);
    if (isLogged) {
      const ms = Math.round(reply.elapsedTime * 100) / 100;
      log.info("request", { method, route, status: reply.statusCode, ms, address: request.ip });
    }
    done();
  });
}
