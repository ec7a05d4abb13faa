/** One request, one answer: over our own connections, with limits of time and size. */
import type { Tls } from "../../model/account.ts";
import { SyncError } from "../../model/error.ts";
import { basicLogin } from "./basic-login.ts";
import { bodyText } from "./body-text.ts";
import { CertificateRefusal } from "./certificate.ts";
import { createConnector } from "./agent.ts";
import type { Cause } from "./network-failure.ts";
import { NetworkFailure, causeOf } from "./network-failure.ts";
import type { Heard, Pace } from "./pace.ts";
import { LONGEST_PAUSE, isBusy, readRetryAfter } from "./retry.ts";
import { Agent } from "./undici.ts";
import type { Dispatcher } from "./undici.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  /** The media type alone, lowercase; empty when the server did not say. */
  readonly type: string;
  readonly body: string;
  readonly location: string | null;
  readonly retry_after: string | null;
  /** The server's clock as it says it. */
  readonly date: string | null;
}

export interface HttpOptions {
  readonly tls: Tls;
  readonly proxy: string | null;
  /** When a request may start. */
  readonly pace: Pace;
  /** Connections at the most. */
  readonly connections: number;
  /** Milliseconds until a connection stands, and until the whole answer is there; both begin with the request's turn. */
  readonly connect_ms: number;
  readonly answer_ms: number;
}

export interface Http {
  /** Rejects with NetworkFailure, CertificateRefusal or SyncError Cancelled. What is `urgent` waits for nobody in line. */
  send(request: HttpRequest, signal?: AbortSignal, urgent?: boolean): Promise<HttpAnswer>;
  /** Sends nothing more, and lets what was sent come to its end; what waits in line fails as `closed`. */
  finish(): void;
  close(): Promise<void>;
}

/** No answer of the protocol comes near it; a list of many thousand documents does. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** Gateways set long cookies and policies; Node's own limit of 16 KiB is too little for some. */
const MAX_HEADER_BYTES = 128 * 1024;

/** The proxy's URL, or null for none; one we cannot speak to fails instead of being passed by. */
function readProxy(proxy: string | null): URL | null {
  if (proxy === null || proxy === "") return null;
  const url = URL.parse(proxy.includes("://") ? proxy : `http://${proxy}`);
  if (url === null || !["http:", "https:"].includes(url.protocol)) throw new NetworkFailure("proxy_unsupported");
  return url;
}

function first(header: string | string[] | undefined): string | null {
  return (Array.isArray(header) ? header[0] : header) ?? null;
}

/** One way to a server: which connections, and what the first line and the headers say. */
interface Route {
  readonly dispatcher: Dispatcher;
  address(url: URL): { origin: string; path: string; headers: Record<string, string> };
  /** What a failure to connect means on this route. */
  readonly causeOf: (error: unknown) => Cause;
}

function createRoutes(options: HttpOptions): (url: URL) => Route {
  const proxy = readProxy(options.proxy);
  const shared = {
    allowH2: false,
    connections: options.connections,
    maxResponseSize: MAX_ANSWER_BYTES,
    maxHeaderSize: MAX_HEADER_BYTES,
  } as const;
  const timeout = options.connect_ms;
  const direct: Route = {
    dispatcher: new Agent({ ...shared, connect: createConnector({ tls: options.tls, proxy, timeout }) }),
    address: ({ origin, pathname, search }) => ({ origin, path: `${pathname}${search}`, headers: {} }),
    causeOf,
  };
  if (proxy === null) return () => direct;
  const login = basicLogin(proxy);
  // Plain HTTP goes to a proxy as a whole request that names its server; TLS goes through it, see `connect.ts`.
  const forwarded: Route = {
    dispatcher: new Agent({ ...shared, connect: createConnector({ tls: { mode: "system" }, proxy: null, timeout }) }),
    address: ({ href, host }) => ({
      origin: proxy.origin,
      path: href,
      headers: { host, ...(login === null ? {} : { "proxy-authorization": login }) },
    }),
    causeOf: (error) => {
      const cause = error instanceof CertificateRefusal ? "tls" : causeOf(error);
      return ["refused", "unknown_host", "no_route", "tls"].includes(cause) ? "proxy_unreachable" : cause;
    },
  };
  return (url) => (url.protocol === "https:" ? direct : forwarded);
}

/** What an answer says of the pace. A pause that nobody would wait for is no pause: the request has failed. */
function heardIn({ status, retry_after }: HttpAnswer): Heard {
  if (!isBusy(status)) return { status: "answered" };
  const pause_ms = readRetryAfter(retry_after, Date.now()) ?? 0;
  return { status: "busy", pause_ms: pause_ms > LONGEST_PAUSE ? 0 : pause_ms };
}

/** Connections of one account; nothing is opened before the first request. */
export function createHttp(options: HttpOptions): Http {
  const ended = new AbortController();
  const finished = new AbortController();
  const opened = new Set<Dispatcher>();
  let routeTo: ((url: URL) => Route) | undefined;

  async function attempt(route: Route, wanted: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const { origin, path, headers: extra } = route.address(wanted.url);
    opened.add(route.dispatcher);
    const { statusCode, headers, body } = await route.dispatcher.request({
      origin,
      path,
      method: wanted.method,
      headers: { ...wanted.headers, ...extra },
      body: wanted.body ?? null,
      signal,
    });
    if (statusCode === 407) {
      await body.dump();
      throw new NetworkFailure("proxy_login");
    }
    return {
      status: statusCode,
      type: (first(headers["content-type"]) ?? "").split(";")[0]?.trim().toLowerCase() ?? "",
      body: await bodyText(Buffer.from(await body.arrayBuffer()), first(headers["content-encoding"]), MAX_ANSWER_BYTES),
      location: first(headers["location"]),
      retry_after: first(headers["retry-after"]),
      date: first(headers["date"]),
    };
  }

  return {
    async send(wanted, signal, urgent = false) {
      const stop = AbortSignal.any(signal === undefined ? [ended.signal] : [ended.signal, signal]);
      let leave: ((heard: Heard) => void) | undefined;
      let heard: Heard = { status: "silent" };
      let route: Route | undefined;
      try {
        leave = await options.pace.enter(AbortSignal.any([stop, finished.signal]), urgent);
        routeTo ??= createRoutes(options);
        route = routeTo(wanted.url);
        const answer = await attempt(route, wanted, AbortSignal.any([stop, AbortSignal.timeout(options.answer_ms)]));
        heard = heardIn(answer);
        return answer;
      } catch (error) {
        if (stop.aborted) throw new SyncError("Cancelled");
        if (leave === undefined && finished.signal.aborted) throw new NetworkFailure("closed");
        // What undici throws is not passed on: it may hold the request, and with it the userkey.
        const cause = (route?.causeOf ?? causeOf)(error);
        throw error instanceof CertificateRefusal && cause !== "proxy_unreachable" ? error : new NetworkFailure(cause);
      } finally {
        leave?.(heard);
      }
    },
    finish: () => finished.abort(),
    async close() {
      ended.abort();
      await Promise.all([...opened].map((dispatcher) => dispatcher.destroy()));
    },
  };
}
