/**
 * Why no answer came, in a word that a sentence can be made of. `proxy_...` are the proxy's own troubles;
 * `other` is none of these.
 */
export type Cause =
  | "refused"
  | "unknown_host"
  | "timeout"
  | "reset"
  | "no_route"
  | "tls"
  | "too_large"
  | "bad_request"
  | "proxy_unsupported"
  | "proxy_unreachable"
  | "proxy_login"
  | "proxy_refused"
  | "closed"
  | "other";

/** A single attempt that brought no answer. Never holds the request: its headers are secrets. */
export class NetworkFailure extends Error {
  readonly reason: Cause;

  constructor(reason: Cause) {
    super(reason);
    this.name = "NetworkFailure";
    this.reason = reason;
  }
}

const CAUSES: Readonly<Record<string, Cause>> = {
  ECONNREFUSED: "refused",
  ENOTFOUND: "unknown_host",
  EAI_AGAIN: "unknown_host",
  EAI_FAIL: "unknown_host",
  ETIMEDOUT: "timeout",
  UND_ERR_CONNECT_TIMEOUT: "timeout",
  UND_ERR_HEADERS_TIMEOUT: "timeout",
  UND_ERR_BODY_TIMEOUT: "timeout",
  ECONNRESET: "reset",
  EPIPE: "reset",
  UND_ERR_SOCKET: "reset",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "reset",
  EHOSTUNREACH: "no_route",
  ENETUNREACH: "no_route",
  EADDRNOTAVAIL: "no_route",
  EPROTO: "tls",
  UND_ERR_RES_EXCEEDED_MAX_SIZE: "too_large",
  UND_ERR_HEADERS_OVERFLOW: "too_large",
  HPE_HEADER_OVERFLOW: "too_large",
  ERR_BUFFER_TOO_LARGE: "too_large",
  UND_ERR_INVALID_ARG: "bad_request",
  ERR_INVALID_CHAR: "bad_request",
  ERR_INVALID_URL: "bad_request",
  UND_ERR_DESTROYED: "closed",
  UND_ERR_CLOSED: "closed",
};

/** The system's or library's code of an error, looked up through its causes and the parts of an AggregateError. */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if ("code" in error && typeof error.code === "string") return error.code;
  const [first] = error instanceof AggregateError ? error.errors : [];
  return codeOf(first) ?? codeOf(error.cause);
}

/** What a failed attempt means. */
export function causeOf(error: unknown): Cause {
  if (error instanceof NetworkFailure) return error.reason;
  if (error instanceof Error && error.name === "TimeoutError") return "timeout";
  const code = codeOf(error);
  if (code === null) return "other";
  if (code.startsWith("ERR_SSL") || code.startsWith("ERR_TLS")) return "tls";
  // The parser's own codes, and those of unpacking: what came was no HTTP, or was cut off.
  return CAUSES[code] ?? (/^(?:HPE_|Z_)/.test(code) ? "reset" : "other");
}

/**
 * Whether the same request may go well a moment later. Not one that took its whole time: what hangs once hangs again,
 * and would cost the time of several.
 */
export function canPass(cause: Cause): boolean {
  return ["refused", "unknown_host", "reset", "no_route", "proxy_unreachable", "other"].includes(cause);
}
