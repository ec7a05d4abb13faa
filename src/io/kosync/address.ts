/** Finding the server behind a pasted address. */
import type { FindServer } from "../../app/ports.ts";
import { sitesFor } from "../../core/server-url.ts";
import type { Site } from "../../core/server-url.ts";
import type { Account } from "../../model/account.ts";
import { SyncError } from "../../model/error.ts";
import { CertificateRefusal } from "../http/certificate.ts";
import { createHttp } from "../http/request.ts";
import type { Http, HttpAnswer } from "../http/request.ts";
import { isWebPage, readJson, readTrouble } from "./answers.ts";
import { badUrl, requestHeaders } from "./transport.ts";
import { NetworkFailure } from "../http/network-failure.ts";

/** Milliseconds; a wrong guess must not make the reader wait long. */
const PROBE_LIMITS = { connect_ms: 4000, answer_ms: 8000, at_once: 4 } as const;

const MAX_REDIRECTS = 5;

/** How surely an answer is a kosync server's: by its own codes or words, or only as any API that wants a login. */
type Sureness = "sure" | "likely" | "no";

interface Found {
  url: string;
  sureness: Sureness;
  /** The media type that was answered last. */
  type: string;
}

/** How an account's server may be asked: with which trust and headers, and whether it may send us to another host. */
interface Asking {
  readonly http: Http;
  readonly headers: Record<string, string>;
  readonly mayRoam: boolean;
  readonly signal: AbortSignal;
}

function judge(answer: HttpAnswer): Sureness {
  if (isWebPage(answer)) return "no";
  const json = readJson(answer);
  const { kosync_code, message } = readTrouble(answer);
  if (kosync_code !== null && [100, 101, 102, 2001, 2003].includes(kosync_code)) return "sure";
  if (typeof json === "object" && json !== null) {
    if ("authorized" in json || ("state" in json && json.state === "OK")) return "sure";
  }
  if (answer.status === 401) return "likely";
  const wantsLogin = /x-auth|credential|unauthori/i.test(message ?? answer.body);
  return [400, 403, 422].includes(answer.status) && wantsLogin ? "likely" : "no";
}

/** Where an answer sends us, or null to stay. */
function redirectOf(answer: HttpAnswer, url: URL, mayRoam: boolean): URL | null {
  if (answer.location === null || answer.status < 300 || answer.status >= 400) return null;
  const next = URL.parse(answer.location, url);
  if (next === null || (url.protocol === "https:" && next.protocol !== "https:")) return null;
  return next.hostname === url.hostname || mayRoam ? next : null;
}

/** What answers at one address, and where that is in the end. */
async function follow(
  start: URL,
  { http, headers, mayRoam, signal }: Asking,
): Promise<{ url: URL; answer: HttpAnswer }> {
  let url = start;
  for (let hops = 0; ; hops += 1) {
    // The extra headers are the pasted host's and no other's.
    const answer = await http.send(
      { method: "GET", url, headers: url.hostname === start.hostname ? headers : {} },
      signal,
    );
    const next = redirectOf(answer, url, mayRoam);
    if (next === null || hops === MAX_REDIRECTS) return { url, answer };
    url = next;
  }
}

/** What one path of a site is. */
async function probePath(base: string, asking: Asking): Promise<Found> {
  let best: Found = { url: base, sureness: "no", type: "" };
  for (const endpoint of ["/users/auth", "/healthcheck"]) {
    const { url, answer } = await follow(new URL(`${base}${endpoint}`), asking);
    const sureness = url.pathname.endsWith(endpoint) ? judge(answer) : "no";
    const found = { url: `${url.origin}${url.pathname.slice(0, -endpoint.length)}`, sureness, type: answer.type };
    if (sureness === "sure") return found;
    if (sureness === "likely") best = found;
    else if (best.sureness === "no") best = { ...best, type: answer.type };
  }
  return best;
}

/** The best of a site's paths. An untrusted site hears no secret and sends us nowhere else. */
async function probeSite(site: Site, account: Account, isTrusted: boolean, signal: AbortSignal): Promise<Found> {
  const tls = isTrusted ? account.tls : ({ mode: "none" } as const);
  const http = createHttp({ ...PROBE_LIMITS, tls, proxy: account.proxy });
  const headers = isTrusted
    ? requestHeaders(account.headers, site)
    : requestHeaders({}, { username: "", password: "" });
  const asking: Asking = { http, headers, mayRoam: isTrusted, signal };
  try {
    let best: Found | null = null;
    for (const path of site.paths) {
      const found = await probePath(`${site.origin}${path}`, asking);
      if (found.sureness === "sure") return found;
      if (best === null || (best.sureness === "no" && found.sureness === "likely")) best = found;
    }
    return best ?? { url: site.origin, sureness: "no", type: "" };
  } finally {
    await http.close();
  }
}

type Outcome =
  | ({ status: "answers" } & Found)
  | { status: "unreachable"; error: SyncError }
  /** Behind a certificate that the account does not trust; `isServer` when a kosync server answers there. */
  | { status: "refused"; error: SyncError; isServer: boolean }
  | { status: "failed"; error: unknown };

/** What one site is, as a value: several are asked at the same time, and some outcomes are never looked at. */
async function outcomeOf(site: Site, account: Account, signal: AbortSignal): Promise<Outcome> {
  try {
    return { status: "answers", ...(await probeSite(site, account, true, signal)) };
  } catch (error) {
    if (error instanceof NetworkFailure) {
      const data = { url: site.origin, attempts: 1, cause: error.reason };
      return { status: "unreachable", error: new SyncError("ServerUnreachable", data) };
    }
    if (!(error instanceof CertificateRefusal)) return { status: "failed", error };
    const { fingerprint, reason } = error;
    const found = await probeSite(site, account, false, signal).catch(() => null);
    const isServer = found !== null && found.sureness !== "no";
    const url = isServer ? found.url : site.origin;
    return { status: "refused", error: new SyncError("CertificateRefused", { url, fingerprint, reason }), isServer };
  }
}

/** The first site, in their order, where a server is; what else to say when there is none. */
async function choose(outcomes: readonly Promise<Outcome>[]): Promise<string> {
  let likely: string | undefined;
  let refused: SyncError | undefined;
  let wrong: SyncError | undefined;
  let unreachable: SyncError | undefined;
  for (const pending of outcomes) {
    const outcome = await pending;
    if (outcome.status === "failed") throw outcome.error;
    if (outcome.status === "unreachable") {
      unreachable ??= outcome.error;
    } else if (outcome.status === "refused") {
      if (outcome.isServer) throw outcome.error;
      refused ??= outcome.error;
    } else if (outcome.sureness === "sure") {
      return outcome.url;
    } else if (outcome.sureness === "likely") {
      likely ??= outcome.url;
    } else {
      wrong ??= new SyncError("NotKosyncServer", { url: outcome.url, content_type: outcome.type });
    }
  }
  if (likely !== undefined) return likely;
  throw refused ?? wrong ?? unreachable ?? new SyncError("Cancelled");
}

/**
 * The base URL of the server behind what a reader pasted: scheme, port 7200 and prefix found by asking, nothing secret
 * sent but the account's extra headers to the pasted host. Throws ServerUnreachable, NotKosyncServer, Cancelled, and
 * CertificateRefused with the URL that was found: a site whose certificate is refused is only looked at.
 */
export const findServer: FindServer = async (account, signal) => {
  const sites = sitesFor(account.url);
  const [first] = sites;
  if (first === undefined) throw badUrl(account.url);
  const decided = new AbortController();
  const stop = AbortSignal.any(signal === undefined ? [decided.signal] : [decided.signal, signal]);
  // All at once: a host that drops what it does not like would cost four seconds for each of them.
  const outcomes = sites.map((site) => outcomeOf(site, account, stop));
  try {
    const url = await choose(outcomes);
    const { username, password } = first;
    return username === "" ? url : url.replace("://", `://${username}:${password}@`);
  } finally {
    decided.abort();
    await Promise.all(outcomes);
  }
};
