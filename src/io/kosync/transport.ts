/** The way to one account's server and back: headers, redirects, retries, and failures as SyncErrors. */
import type { Account } from "../../model/account.ts";
import { SyncError } from "../../model/error.ts";
import { basicLogin } from "../http/basic-login.ts";
import { CertificateRefusal } from "../http/certificate.ts";
import { createHttp } from "../http/request.ts";
import type { HttpAnswer, HttpRequest } from "../http/request.ts";
import { NetworkFailure, canPass } from "../http/network-failure.ts";
import { backoff, pause, pauseAfter } from "../http/retry.ts";

/** Milliseconds, counts; what is left out is as `DEFAULT_LIMITS` says. */
export interface Limits {
  /** Requests under way at once, by host name; `default` for all others. */
  readonly at_once: Readonly<Record<string, number>>;
  readonly connect_ms: number;
  readonly answer_ms: number;
  /** Tries of one request, the first included. */
  readonly attempts: number;
}

const DEFAULT_LIMITS: Limits = {
  // The public server is one small machine for everybody.
  at_once: { default: 8, "sync.koreader.rocks": 2 },
  connect_ms: 5000,
  answer_ms: 15_000,
  attempts: 3,
};

export interface Call {
  readonly method: HttpRequest["method"];
  /** Below the base URL, with its slash. */
  readonly path: string;
  readonly body?: object;
  /** Whether the account's name and key go along. */
  readonly login: boolean;
  /** Whether an answer that would be retried is in truth the last word. */
  readonly isFinal?: (answer: HttpAnswer) => boolean;
  /** Whether an answer with a good status is broken, and worth another try. */
  readonly isBroken?: (answer: HttpAnswer) => boolean;
}

export interface Transport {
  /** The server's address for people: without user, password and query. */
  readonly url: string;
  /** The answer, of whatever status. `uncertain` when an earlier try failed after the server may have acted on it. */
  ask(call: Call, signal?: AbortSignal): Promise<HttpAnswer & { uncertain: boolean }>;
  /** Takes out what must not be shown: a server may echo what it was sent. */
  redact(text: string): string;
  close(): Promise<void>;
}

const MAX_REDIRECTS = 4;

/** Set by the connection itself; a second one would contradict it. */
const NOT_FOR_READERS = new Set(["connection", "content-length", "transfer-encoding", "keep-alive", "upgrade", "te"]);

/** Header values are bytes: anything outside ASCII goes as UTF-8, which is what KOReader sends. */
function headerValue(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The headers of every request: the account's extra ones, and a login that stands inside the address. */
export function requestHeaders(
  extra: Account["headers"],
  address: Pick<URL, "username" | "password">,
): Record<string, string> {
  const all: Record<string, string> = { "user-agent": "calibre-koreader-progress", "accept-encoding": "identity" };
  const basic = basicLogin(address);
  if (basic !== null) all["authorization"] = basic;
  for (const [name, value] of Object.entries(extra)) {
    const lower = name.trim().toLowerCase();
    if (lower !== "" && !NOT_FOR_READERS.has(lower)) all[lower] = headerValue(value);
  }
  // The reference server answers 412 without the first, another one refuses any request without the second.
  return { ...all, accept: "application/vnd.koreader.v1+json", "content-type": "application/json" };
}

/** For an address that is none; a login inside it is left out as far as it can be made out. */
export function badUrl(pasted: string): SyncError {
  const url = pasted.replace(/[^/\s]*@/, "").slice(0, 200);
  return new SyncError("ServerUnreachable", { url, attempts: 0, cause: "bad_url" });
}

function baseOf(account: Account): URL {
  const base = URL.parse(account.url);
  if (base === null || !["http:", "https:"].includes(base.protocol)) {
    throw badUrl(account.url);
  }
  base.pathname = base.pathname.replace(/\/+$/, "");
  base.search = "";
  base.hash = "";
  return base;
}

/** A redirect we may follow with credentials: to the same host, and never from TLS to plain text. */
function isSafeRedirect(from: URL, to: URL): boolean {
  return from.hostname === to.hostname && (to.protocol === "https:" || from.protocol === to.protocol);
}

/** Opens nothing before the first call. Throws ServerUnreachable with cause `bad_url` for an address that is none. */
export function createTransport(account: Account, given: Partial<Limits> = {}): Transport {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const at_once = { ...DEFAULT_LIMITS.at_once, ...given.at_once };
  let base = baseOf(account);
  const { password } = base;
  const common = requestHeaders(account.headers, base);
  base.username = "";
  base.password = "";
  const login = { "x-auth-user": headerValue(account.username), "x-auth-key": headerValue(account.userkey) };
  const url = `${base.origin}${base.pathname.replace(/\/$/, "")}`;
  const http = createHttp({
    tls: account.tls,
    proxy: account.proxy,
    at_once: at_once[base.hostname] ?? at_once["default"] ?? 8,
    connect_ms: limits.connect_ms,
    answer_ms: limits.answer_ms,
  });
  // After a request failed for good the next ones are tried once each, until the server answers again.
  let isDown = false;

  /** One try, with the redirects a reverse proxy puts in front. */
  async function attempt(call: Call, signal: AbortSignal | undefined): Promise<HttpAnswer> {
    const headers = { ...common, ...(call.login ? login : {}) };
    const body = call.body === undefined ? {} : { body: JSON.stringify(call.body) };
    let target = new URL(`${base.href.replace(/\/$/, "")}${call.path}`);
    for (let hops = 0; ; hops += 1) {
      const answer = await http.send({ method: call.method, url: target, headers, ...body }, signal);
      const isRedirect = [301, 302, 307, 308].includes(answer.status) && answer.location !== null;
      const next = isRedirect ? URL.parse(answer.location ?? "", target) : null;
      if (next === null || hops >= MAX_REDIRECTS || !isSafeRedirect(target, next)) return answer;
      target = next;
      // Later calls go there at once.
      if (next.pathname.endsWith(call.path)) base = new URL(next.pathname.slice(0, -call.path.length) || "/", next);
    }
  }

  return {
    url,
    redact(text) {
      const secrets = [account.userkey, password, ...Object.values(account.headers)].filter(({ length }) => length > 3);
      return secrets.reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
    },
    async ask(call, signal) {
      let uncertain = false;
      for (let tries = 1; ; tries += 1) {
        const mayRetry = tries < (isDown ? 1 : limits.attempts);
        let wait: number | null;
        try {
          const answer = await attempt(call, signal);
          isDown = false;
          const isBroken = answer.status < 300 && call.isBroken?.(answer) === true;
          wait = isBroken ? backoff(tries) : pauseAfter(answer, tries, Date.now());
          if (wait === null || !mayRetry || call.isFinal?.(answer) === true) return { ...answer, uncertain };
        } catch (error) {
          if (error instanceof CertificateRefusal) {
            const { fingerprint, reason } = error;
            throw new SyncError("CertificateRefused", { url, fingerprint, reason });
          }
          if (!(error instanceof NetworkFailure)) throw error;
          if (!mayRetry || !canPass(error.reason)) {
            isDown = true;
            throw new SyncError("ServerUnreachable", { url, attempts: tries, cause: error.reason });
          }
          uncertain ||= error.reason === "timeout" || error.reason === "reset";
          wait = backoff(tries);
        }
        await pause(wait, signal);
      }
    },
    close: () => http.close(),
  };
}
