import type { IncomingMessage, ServerResponse } from "node:http";
import { isForeign } from "../foreign.ts";
import { Refusal } from "../errors.ts";
import { refuseUnread } from "./refuse-unread.ts";

/** Whose pages may ask for positions: nobody's, everybody's, or those of these origins. */
export type Cors = "off" | "*" | readonly string[];

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** What a web reader has to send; a list, because a browser takes `*` for everything but a login. */
const ALLOWED_HEADERS = "x-auth-user, x-auth-key, accept, content-type";
const PREFLIGHT_SECONDS = "86400";

/** Which methods pages of other servers may use on a path, as a header tells them; null: on this one, none. */
function sharedMethods(url: string, basePath: string): string | null {
  if (!url.startsWith(`${basePath}/`)) return null;
  const [path = ""] = url.slice(basePath.length).split("?");
  if (path === "/users/auth") return "GET";
  if (path === "/syncs/progress") return "PUT";
  return path.startsWith("/syncs/progress/") ? "GET" : null;
}

export interface OriginOptions {
  readonly cors: Cors;
  readonly basePath: string;
  /** Told of each answer that the app does not see. */
  readonly note: (request: IncomingMessage, status: number) => void;
}

/**
 * Lets pages of other servers read and write positions, as far as `cors` says, and nothing else: any page in the house's
 * browser could make accounts otherwise. Preflights are answered here, before anything is counted or looked up.
 */
export function guardOrigins({ cors, basePath, note }: OriginOptions, handle: Handler): Handler {
  function allowed(origin: string, url: string): { origin: string; methods: string } | null {
    const methods = cors === "off" ? null : sharedMethods(url, basePath);
    if (methods === null) return null;
    if (cors === "*") return { origin: "*", methods };
    return cors.includes(origin) ? { origin, methods } : null;
  }

  return (request, response) => {
    const { origin } = request.headers;
    // A link on another page leads here without an origin: to look at a page is allowed.
    if (origin === undefined || !isForeign(request.headers, request.headers.host)) {
      handle(request, response);
      return;
    }
    const grant = allowed(origin, request.url ?? "");
    if (grant === null) {
      note(request, 403);
      refuseUnread(request, response, new Refusal("ForeignOrigin"));
      return;
    }
    response.setHeader("access-control-allow-origin", grant.origin);
    if (grant.origin !== "*") response.setHeader("vary", "origin");
    if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) {
      handle(request, response);
      return;
    }
    note(request, 204);
    response.writeHead(204, {
      "access-control-allow-methods": grant.methods,
      "access-control-allow-headers": ALLOWED_HEADERS,
      "access-control-max-age": PREFLIGHT_SECONDS,
    });
    response.end();
  };
}
