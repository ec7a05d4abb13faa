/** Finding the server behind a pasted address. */
import type { FindServer } from "../app/ports.ts";
import { placesFor } from "../core/server-url.ts";
import type { Place } from "../core/server-url.ts";
import type { Account } from "../model/account.ts";
import { SyncError } from "../model/error.ts";
import { CertificateRefusal } from "./certificate.ts";
import { createHttp } from "./http.ts";
import type { Http, HttpAnswer } from "./http.ts";
import { isWebPage, readJson, readTrouble } from "./kosync-answers.ts";
import { badUrl, requestHeaders } from "./kosync-transport.ts";
import { NetworkFailure } from "./network-failure.ts";

/** Milliseconds; a wrong guess must not make the reader wait long. */
const PROBE_LIMITS = { connect_ms: 4000, answer_ms: 8000, at_once: 4 } as const;

const MAX_REDIRECTS = 5;

/** How surely an answer is a kosync server's: by its own codes or words, or only as any API that wants a login. */
type Sureness = "sure" | "likely" | "no";

function judge(answer: HttpAnswer): Sureness {
  if (isWebPage(answer)) return "no";
  const json = readJson(answer);
  const { kosync_code, message } = readTrouble(answer);
  if (kosync_code !== null && [100, 101, 102, 2001, 2003].includes(kosync_code)) return "sure";
  if (typeof json === "object" && json !== null) {
    if ("authorized" in json) return "sure";
    if ("state" in json && json.state === "OK") return "sure";
  }
  if (answer.status === 401) return "likely";
  return [400, 403, 422].includes(answer.status) && /x-auth|credential|unauthori/i.test(message ?? answer.body)
    ? "likely"
    : "no";
}

interface Found {
  url: string;
  sureness: Sureness;
  type: string;
}

/** What one path under one place is; follows redirects, and to another host only as `mayRoam` says. */
async function probePath(
  http: Http,
  base: string,
  headers: Record<string, string>,
  mayRoam: boolean,
  signal: AbortSignal | undefined,
): Promise<Found> {
  let best: Found = { url: base, sureness: "no", type: "" };
  for (const endpoint of ["/users/auth", "/healthcheck"]) {
    let url = new URL(`${base}${endpoint}`);
    let answer: HttpAnswer;
    for (let hops = 0; ; hops += 1) {
      // The extra headers are the pasted host's and no other's.
      const isHome = url.hostname === new URL(base).hostname;
      answer = await http.send({ method: "GET", url, headers: isHome ? headers : {} }, signal);
      const next = answer.location === null || answer.status < 300 ? null : URL.parse(answer.location, url);
      const isDowngrade = next !== null && url.protocol === "https:" && next.protocol !== "https:";
      if (next === null || answer.status >= 400 || isDowngrade || hops === MAX_REDIRECTS) break;
      if (next.hostname !== url.hostname && !mayRoam) break;
      url = next;
    }
    const sureness = url.pathname.endsWith(endpoint) ? judge(answer) : "no";
    const at = `${url.origin}${url.pathname.slice(0, -endpoint.length)}`;
    if (sureness === "sure") return { url: at, sureness, type: answer.type };
    if (sureness === "likely") best = { url: at, sureness, type: answer.type };
    else if (best.sureness === "no") best = { ...best, type: answer.type };
  }
  return best;
}

/** The best of a place's paths. */
async function probePlace(
  place: Place,
  account: Account,
  isTrusted: boolean,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const tls = isTrusted ? account.tls : ({ mode: "none" } as const);
  const http = createHttp({ ...PROBE_LIMITS, tls, proxy: account.proxy });
  const headers = isTrusted
    ? requestHeaders(account.headers, place)
    : requestHeaders({}, { username: "", password: "" });
  try {
    let best: Found | null = null;
    for (const path of place.paths) {
      const found = await probePath(http, `${place.origin}${path}`, headers, isTrusted, signal);
      if (found.sureness === "sure") return found;
      if (best === null || (best.sureness === "no" && found.sureness === "likely")) best = found;
    }
    return best ?? { url: place.origin, sureness: "no", type: "" };
  } finally {
    await http.close();
  }
}

/**
 * The base URL of the server behind what a reader pasted: scheme, port 7200 and prefix found by asking, nothing secret
 * sent but the account's extra headers to the pasted host. Throws ServerUnreachable, NotKosyncServer, Cancelled, and
 * CertificateRefused with the URL that was found: a place whose certificate is refused is only looked at.
 */
export const findServer: FindServer = async (account, signal) => {
  const places = placesFor(account.url);
  const [first] = places;
  if (first === undefined) throw badUrl(account.url);
  const finds: (Found & { place: Place })[] = [];
  let unreachable: SyncError | undefined;
  let refused: SyncError | undefined;
  for (const place of places) {
    try {
      const found = await probePlace(place, account, true, signal);
      if (found.sureness === "sure") return withLogin(found.url, place);
      finds.push({ ...found, place });
    } catch (error) {
      if (error instanceof CertificateRefusal) {
        const found = await lookOnly(place, account, signal);
        const { fingerprint, reason } = error;
        const refusal = new SyncError("CertificateRefused", { url: found?.url ?? place.origin, fingerprint, reason });
        if (found !== null) throw refusal;
        refused ??= refusal;
      } else if (error instanceof NetworkFailure) {
        unreachable ??= new SyncError("ServerUnreachable", { url: place.origin, attempts: 1, cause: error.reason });
        // Another port or scheme does not help when nobody knows the name, or the proxy is at fault.
        if (error.reason === "unknown_host" || error.reason.startsWith("proxy_")) break;
      } else {
        throw error;
      }
    }
  }
  const likely = finds.find(({ sureness }) => sureness === "likely");
  if (likely !== undefined) return withLogin(likely.url, likely.place);
  if (refused !== undefined) throw refused;
  const [wrong] = finds;
  if (wrong !== undefined) throw new SyncError("NotKosyncServer", { url: wrong.url, content_type: wrong.type });
  throw unreachable ?? new SyncError("NotKosyncServer", { url: first.origin, content_type: "" });
};

function withLogin(url: string, { username, password }: Place): string {
  return username === "" ? url : url.replace("://", `://${username}:${password}@`);
}

/** Whether a kosync server answers behind a certificate that nobody trusts; it hears no secret and sends us nowhere. */
async function lookOnly(place: Place, account: Account, signal: AbortSignal | undefined): Promise<Found | null> {
  try {
    const found = await probePlace(place, account, false, signal);
    return found.sureness === "no" ? null : found;
  } catch (error) {
    if (error instanceof SyncError) throw error;
    return null;
  }
}
