/** The way to one account's server and back: headers, redirects, retries, and failures as SyncErrors. */
import { widthFor, type Width } from "../../core/ask-pace.ts";
import { isSameSite, redirectTarget } from "../../core/redirects.ts";
import { typedAddress } from "../../core/server-url.ts";
import type { Account } from "../../model/account.ts";
import { SyncError } from "../../model/error.ts";
import type { Pacing } from "../../model/pacing.ts";
import { basicLogin } from "../http/basic-login.ts";
import { CertificateRefusal } from "../http/certificate.ts";
import { createHttp } from "../http/request.ts";
import type { HttpAnswer, HttpRequest } from "../http/request.ts";
import { NetworkFailure, canPass } from "../http/network-failure.ts";
import { createPace } from "../http/pace.ts";
import { backoff, pause, pauseAfter } from "../http/retry.ts";
import { readAnswer, type Answer } from "./answers.ts";

/** Milliseconds, counts; what is left out is as `DEFAULT_LIMITS` says. */
export interface Limits {
  readonly connect_ms: number;
  /** Until the whole answer to one request is there: what hangs costs so much, and is not asked again. */
  readonly answer_ms: number;
  /** Tries of one request, the first included; a busy server is given more of them. */
  readonly attempts: number;
  /** Requests at once, to begin with and at the most. */
  readonly width: Width;
  /** However busy a server says it is, requests are no farther apart. */
  readonly most_apart_ms?: number;
}

const DEFAULT_LIMITS: Omit<Limits, "width"> = { connect_ms: 5000, answer_ms: 12_000, attempts: 3 };

export interface Call {
  readonly method: HttpRequest["method"];
  /** Below the base URL, with its slash. */
  readonly path: string;
  readonly body?: object;
  /** Whether the account's name and key go along. */
  readonly login: boolean;
  /** Asked once, before all others in line, and not again: what nobody would want to wait longer for. */
  readonly once?: boolean;
  /** Whether an answer that would be retried is in truth the last word. */
  readonly isFinal?: (answer: Answer) => boolean;
  /** Whether an answer with a good status is broken, and worth another try. */
  readonly isBroken?: (answer: Answer) => boolean;
}

/** What is remembered of servers' paces, by origin. */
export interface Pacings {
  recall(server: string): Pacing | null;
  keep(server: string, pacing: Pacing): void;
}

export interface Transport {
  /** The server's address for people: without user, password and query. */
  readonly url: string;
  /** Where it really answers, after the redirects so far; with the login that stands in the account's address. */
  address(): string;
  /** Seconds that the server's clock is ahead of this machine's by its last answer; null where it does not say. */
  clockAhead(): number | null;
  /** The answer, of whatever status. `uncertain` when an earlier try failed after the server may have acted on it. */
  ask(call: Call, signal?: AbortSignal): Promise<Answer & { uncertain: boolean }>;
  /** Takes out what must not be shown: a server may echo what it was sent. */
  redact(text: string): string;
  /** From now on nothing more is sent; what was sent comes to its end. */
  finish(): void;
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

/** For an address that is none; all that may be a login inside it is left out, slashes in its password too. */
export function badUrl(pasted: string): SyncError {
  const url = pasted.replace(/^(\s*(?:[a-z][\w+.-]*:\/\/)?).*@/is, "$1").slice(0, 200);
  return new SyncError("ServerUnreachable", { url, attempts: 0, cause: "bad_url" });
}

function baseOf(account: Account): URL {
  const base = typedAddress(account.url);
  if (base === null) throw badUrl(account.url);
  return base;
}

/** Opens nothing before the first call. Throws ServerUnreachable with cause `bad_url` for an address that is none. */
export function createTransport(account: Account, given: Partial<Limits> = {}, pacing?: Pacings): Transport {
  let base = baseOf(account);
  const { username, password } = base;
  const common = requestHeaders(account.headers, base);
  base.username = "";
  base.password = "";
  const login = { "x-auth-user": headerValue(account.username), "x-auth-key": headerValue(account.userkey) };
  const url = withoutSlash(base.href);
  const server = base.origin;
  const limits = { ...DEFAULT_LIMITS, width: widthFor(base), ...given };
  const { start, most: widest } = limits.width;
  const pace = createPace(pacing?.recall(server) ?? { at_once: start, apart_ms: 0 }, widest, limits.most_apart_ms);
  const http = createHttp({
    tls: account.tls,
    proxy: account.proxy,
    pace,
    connections: widest,
    connect_ms: limits.connect_ms,
    answer_ms: limits.answer_ms,
  });
  // After a request failed for good the next ones are tried once each, until the server answers again.
  let isDown = false;
  let ahead: number | null = null;

  /** One try, with the redirects a reverse proxy puts in front. */
  async function attempt(call: Call, isFirst: boolean, signal: AbortSignal | undefined): Promise<HttpAnswer> {
    const headers = { ...common, ...(call.login ? login : {}) };
    const body = call.body === undefined ? {} : { body: JSON.stringify(call.body) };
    let target = new URL(`${withoutSlash(base.href)}${call.path}`);
    for (let hops = 0; ; hops += 1) {
      const answer = await http.send({ method: call.method, url: target, headers, ...body }, signal, isFirst);
      const said = Date.parse(answer.date ?? "");
      ahead = Number.isNaN(said) ? null : (said - Date.now()) / 1000;
      const next = redirectTarget(answer, call.method, target);
      if (next === null || hops >= MAX_REDIRECTS || !isSameSite(target, next)) return answer;
      target = next;
      // Later calls go there at once.
      base = baseBehind(next, call.path) ?? base;
    }
  }

  function failureOf(error: unknown, attempts: number): unknown {
    if (error instanceof CertificateRefusal) {
      const { fingerprint, reason } = error;
      return new SyncError("CertificateRefused", { url, fingerprint, reason });
    }
    if (!(error instanceof NetworkFailure)) return error;
    return new SyncError("ServerUnreachable", { url, attempts, cause: error.reason });
  }

  return {
    url,
    address() {
      const found = new URL(base);
      found.username = username;
      found.password = password;
      return withoutSlash(found.href);
    },
    clockAhead: () => ahead,
    redact(text) {
      const secrets = [account.userkey, password, ...Object.values(account.headers)].filter(({ length }) => length > 3);
      return secrets.reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
    },
    async ask(call, signal) {
      let uncertain = false;
      for (let tries = 1; ; tries += 1) {
        const most = call.once === true || isDown ? 1 : limits.attempts;
        let wait: number | null;
        try {
          // Who was sent back once has waited: otherwise everybody would be sent back in turn, and nobody come to an end.
          const isFirst = call.once === true || tries > 1;
          const answer = readAnswer(await attempt(call, isFirst, signal));
          isDown = false;
          const isBroken = answer.status < 300 && call.isBroken?.(answer) === true;
          if (isBroken) wait = tries < most ? backoff(tries) : null;
          else wait = pauseAfter(answer, tries, most, Date.now());
          if (wait === null || call.isFinal?.(answer) === true) return { ...answer, uncertain };
        } catch (error) {
          if (!(error instanceof NetworkFailure) || tries >= most || !canPass(error.reason)) {
            isDown ||= error instanceof NetworkFailure;
            throw failureOf(error, tries);
          }
          uncertain ||= error.reason === "reset";
          wait = backoff(tries);
        }
        await pause(wait, signal);
      }
    },
    finish: () => http.finish(),
    async close() {
      pacing?.keep(server, pace.now());
      await http.close();
    },
  };
}

/** The base below which a request's path was answered in the end; null where it was answered as something else. */
function baseBehind(answered: URL, path: string): URL | null {
  const [pathname = "", query = ""] = path.split("?");
  if (!answered.pathname.endsWith(pathname) || answered.search.slice(1) !== query) return null;
  return new URL(answered.pathname.slice(0, -pathname.length) || "/", answered);
}

const withoutSlash = (href: string): string => href.replace(/\/+$/, "");
