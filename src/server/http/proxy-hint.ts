import type { IncomingMessage } from "node:http";
import type { Log } from "./log.ts";

const HEADERS = ["x-forwarded-for", "forwarded", "x-real-ip"] as const;

/**
 * Says once that somebody names other addresses than his own while nobody's word is taken: all who come through that proxy
 * count as one address then, and wrong keys of one use up the tries of all.
 */
export function createProxyHint(log: Log): (request: IncomingMessage) => void {
  let isSaid = false;
  return ({ headers, socket }) => {
    if (isSaid) return;
    const header = HEADERS.find((name) => headers[name] !== undefined);
    if (header === undefined) return;
    isSaid = true;
    const advice =
      "If this is your reverse proxy, start the server with --trust-proxy; all its clients count as one address.";
    log.error("proxy_not_trusted", { header, address: socket.remoteAddress ?? null, advice });
  };
}
