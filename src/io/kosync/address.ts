/** Looking for a kosync server elsewhere than at the address a reader typed, without a login. */
import type { FindServer } from "../../app/ports.ts";
import { isSameSite, redirectTarget } from "../../core/redirects.ts";
import { sitesToTry, typedAddress, type Site } from "../../core/server-url.ts";
import type { Account, Tls } from "../../model/account.ts";
import { CertificateRefusal } from "../http/certificate.ts";
import { NetworkFailure } from "../http/network-failure.ts";
import { createPace } from "../http/pace.ts";
import { createHttp, type Http } from "../http/request.ts";
import { isGood, readAnswer, type Answer } from "./answers.ts";
import { isKosyncs, nobodysDocument, nonsensePath, readLogin, standsOut, wantsLogin } from "./login.ts";
import { badUrl, requestHeaders } from "./transport.ts";

/** Milliseconds; a wrong guess must not make the reader wait long. */
const LIMITS = { connect_ms: 4000, answer_ms: 6000, connections: 2 } as const;

const MAX_REDIRECTS = 4;

const LOGIN = "/users/auth";

/** How one site may be asked. */
interface Asking {
  readonly http: Http;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

interface Seen {
  readonly answer: Answer;
  readonly url: URL;
}

/** What answers at an address, and where that is in the end: redirects that the site makes to itself are followed. */
async function look(address: string, { http, headers, signal }: Asking): Promise<Seen> {
  let url = new URL(address);
  for (let hops = 0; ; hops += 1) {
    const answer = await http.send({ method: "GET", url, headers }, signal);
    const next = redirectTarget(answer, "GET", url);
    if (next === null || hops === MAX_REDIRECTS || !isSameSite(url, next)) return { answer: readAnswer(answer), url };
    url = next;
  }
}

/** The base URL of the kosync server at this address, or null; asks once, and once or twice more where that is no proof. */
async function serverAt(base: string, asking: Asking): Promise<string | null> {
  const { answer, url } = await look(`${base}${LOGIN}`, asking);
  const path = url.pathname.replace(/\/$/, "");
  if (!path.endsWith(LOGIN)) return null;
  const found = `${url.origin}${path.slice(0, -LOGIN.length)}`;
  if (isKosyncs(answer)) return found;
  const mayBe = wantsLogin(answer) || (isGood(answer) && ["let_in", "unshown"].includes(readLogin(answer)));
  if (!mayBe) return null;
  // A gateway, and Spring, want a login for whatever is asked: then this path is as good as any other.
  const nonsense = (await look(`${base}${nonsensePath()}`, asking)).answer;
  if (!isGood(answer)) return nonsense.status === answer.status ? null : found;
  const document = (await look(`${base}/syncs/progress/${nobodysDocument()}`, asking)).answer;
  return standsOut(answer, nonsense, document) ? found : null;
}

/** The first of a site's paths where a server is. Rejects with NetworkFailure and CertificateRefusal. */
async function serverOn(site: Site, account: Account, tls: Tls, signal: AbortSignal): Promise<string | null> {
  const http = createHttp({ ...LIMITS, tls, proxy: account.proxy, pace: createPace({ at_once: 2, apart_ms: 0 }, 2) });
  const typed = typedAddress(account.url);
  // The extra headers, and the login of a protecting proxy, are the typed origin's and nobody else's.
  const isTheirs = site.isTyped && typed !== null;
  const headers = isTheirs
    ? requestHeaders(account.headers, typed)
    : requestHeaders({}, { username: "", password: "" });
  try {
    for (const path of site.paths) {
      const found = await serverAt(`${site.origin}${path}`, { http, headers, signal });
      if (found !== null) return found;
    }
    return null;
  } finally {
    await http.close();
  }
}

function siteOf(address: string): Site[] {
  const url = typedAddress(address);
  return url === null ? [] : [{ origin: url.origin, paths: [url.pathname.replace(/\/$/, "")], isTyped: false }];
}

/** Whatever keeps a site from answering makes it no server. */
function nothing(error: unknown): null {
  if (error instanceof NetworkFailure || error instanceof CertificateRefusal) return null;
  throw error;
}

/** What one site is, as a value: several are looked at at the same time, and most are nothing. */
async function outcomeOf(site: Site, account: Account, signal: AbortSignal): Promise<string | null> {
  try {
    return await serverOn(site, account, account.tls, signal);
  } catch (error) {
    // A site whose certificate is not trusted is looked at all the same: no secret is sent, and the reader is asked.
    if (error instanceof CertificateRefusal && !site.isTyped) {
      return serverOn(site, account, { mode: "none" }, signal).catch(nothing);
    }
    return nothing(error);
  }
}

/**
 * Another address than the typed one where a kosync server answers: scheme, port 7200 and prefix found by asking, without
 * the account's name and key. Null where there is none; whoever goes there asks the reader first. Rejects with Cancelled,
 * and ServerUnreachable for what is no address. With `only` nothing but that address is looked at.
 */
export const findServer: FindServer = async (account, signal, only) => {
  const sites = only === undefined ? sitesToTry(account.url) : siteOf(only);
  if (sites.length === 0) throw badUrl(account.url);
  const decided = new AbortController();
  const stop = AbortSignal.any(signal === undefined ? [decided.signal] : [decided.signal, signal]);
  // All at once: a host that drops what it does not like would cost four seconds for each of them.
  const outcomes = sites.map((site) => outcomeOf(site, account, stop));
  // Nobody waits for those that come after the one that is found, nor hears what became of them.
  for (const outcome of outcomes) outcome.catch(() => null);
  try {
    for (const outcome of outcomes) {
      const found = await outcome;
      if (found !== null) return found;
    }
    return null;
  } finally {
    decided.abort();
    await Promise.allSettled(outcomes);
  }
};
