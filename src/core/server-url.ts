/** Where a kosync server may be, given what a reader pasted as its address. */

/** Prefixes under which popular servers offer kosync. */
const PREFIXES = ["", "/kosync", "/api/koreader", "/koreader", "/api/ko"] as const;

/** The reference server listens here, with a certificate of its own making. */
const REFERENCE_PORT = "7200";

/** An address of the protocol itself, pasted whole. */
const ENDPOINT =
  /\/(?:users\/(?:auth|create|me|password)|syncs\/(?:progress|documents)(?:\/[^/]*)?|healthcheck|healthz?)$/i;

/** One scheme, host and port, and the paths worth trying there, likeliest first. */
export interface Site {
  /** Without a trailing slash. */
  origin: string;
  /** Each empty or with a leading slash, without a trailing one. */
  paths: string[];
  /** Whether the reader typed this very origin. */
  isTyped: boolean;
}

/** More paths than this are not tried at the typed origin, and elsewhere: each is a question without a login. */
const PATHS_TO_TRY = { typed: 8, other: 4 } as const;

function readScheme(pasted: string): { scheme: "http" | "https" | null; rest: string } | null {
  // Also `https:/host`, `https//host` and `HTTPS://host`: all have been pasted. But `https:7200` is a host of that name.
  const match = /^(https?)(?::\/+|\/\/)/i.exec(pasted);
  if (match !== null) {
    return { scheme: match[1]?.toLowerCase() === "http" ? "http" : "https", rest: pasted.slice(match[0].length) };
  }
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(pasted) ? null : { scheme: null, rest: pasted.replace(/^\/+/, "") };
}

interface Typed {
  readonly url: URL;
  readonly scheme: "http" | "https" | null;
  /** As typed; empty for the scheme's own. A typed `:443` or `:80` counts although URL drops it. */
  readonly port: string;
}

function readTyped(pasted: string): Typed | null {
  const read = readScheme(pasted.trim().replaceAll(/^[<"'\s]+|[>"'\s]+$/g, ""));
  if (read === null || read.rest === "" || /\s/.test(read.rest)) return null;
  const url = URL.parse(`${read.scheme ?? "https"}://${read.rest}`);
  if (url === null || url.hostname === "") return null;
  url.pathname = url.pathname
    .replaceAll(/\/{2,}/g, "/")
    .replace(/\/$/, "")
    .replace(ENDPOINT, "");
  url.search = "";
  url.hash = "";
  const port = url.port || (/^[^/?#]*:(443|80)(?:[/?#]|$)/.exec(read.rest)?.[1] ?? "");
  return { url, scheme: read.scheme, port };
}

/**
 * The address as the reader typed it: without what belongs to the protocol itself or to a browser, and https where no
 * scheme was typed. Null when the text is no address at all.
 */
export function typedAddress(pasted: string): URL | null {
  return readTyped(pasted)?.url ?? null;
}

/** The typed path and its parents, then each known prefix under each of them. */
function pathsFrom(pathname: string): string[] {
  const segments = pathname.split("/").filter((segment) => segment !== "");
  const parents = segments.map((_, i) => `/${segments.slice(0, segments.length - i).join("/")}`);
  return [...new Set(PREFIXES.flatMap((prefix) => [...parents, ""].map((parent) => `${parent}${prefix}`)))];
}

/**
 * Where else to look for the server when the typed address is none, likeliest first; empty when the text is no address.
 * A typed https is never turned into http; a typed http may turn out to be https.
 */
export function sitesToTry(pasted: string): Site[] {
  const typed = readTyped(pasted);
  if (typed === null) return [];
  const { url, scheme, port } = typed;
  const [own = "", ...others] = pathsFrom(url.pathname);
  const at = (other: string, on: string): string =>
    new URL(`${other}://${url.hostname}${on === "" ? "" : `:${on}`}`).origin;
  const sites: Site[] = [{ origin: url.origin, paths: others.slice(0, PATHS_TO_TRY.typed), isTyped: true }];
  const other = { https: null, http: "https", none: "http" }[scheme ?? "none"];
  // The same port speaks one scheme or the other; a port that is the scheme's own is not the other's.
  const elsewhere = port === "443" || port === "80" ? "" : port;
  if (other !== null) {
    sites.push({ origin: at(other, elsewhere), paths: [own, ...others].slice(0, PATHS_TO_TRY.other), isTyped: false });
  }
  if (port === "") sites.push({ origin: at("https", REFERENCE_PORT), paths: [own], isTyped: false });
  return sites;
}
