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
  /** As in the address, percent-encoded; some put the login of a protecting proxy there. */
  username: string;
  password: string;
}

function readScheme(pasted: string): { scheme: "http" | "https" | null; rest: string } | null {
  // Also `https:/host`, `https//host` and `HTTPS://host`: all have been pasted. But `https:7200` is a host of that name.
  const match = /^(https?)(?::\/+|\/\/)/i.exec(pasted);
  if (match !== null) {
    return { scheme: match[1]?.toLowerCase() === "http" ? "http" : "https", rest: pasted.slice(match[0].length) };
  }
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(pasted) ? null : { scheme: null, rest: pasted.replace(/^\/+/, "") };
}

/** The pasted path, each of its parents, and under each the known prefixes. */
function pathsFrom(pathname: string): string[] {
  const pasted = pathname
    .replaceAll(/\/{2,}/g, "/")
    .replace(/\/$/, "")
    .replace(ENDPOINT, "");
  const segments = pasted.split("/").filter((segment) => segment !== "");
  const parents = segments.map((_, i) => `/${segments.slice(0, segments.length - i).join("/")}`);
  return [...new Set([...parents, ""].flatMap((parent) => PREFIXES.map((prefix) => `${parent}${prefix}`)))];
}

/**
 * Where to look for the server, likeliest first; empty when the text is no address at all.
 * A pasted https is never turned into http; a pasted http may turn out to be https.
 */
export function sitesFor(pasted: string): Site[] {
  const read = readScheme(pasted.trim().replaceAll(/^[<"'\s]+|[>"'\s]+$/g, ""));
  if (read === null || read.rest === "" || /\s/.test(read.rest)) return [];
  const url = URL.parse(`https://${read.rest}`);
  if (url === null || url.hostname === "") return [];
  // URL drops a port that is the default of its scheme; a pasted :443 or :80 is still a choice.
  const port = url.port || (/^[^/?#]*:443(?:[/?#]|$)/.test(read.rest) ? "443" : "");
  const schemes = { https: ["https"], http: ["http", "https"], none: ["https", "http"] }[read.scheme ?? "none"];
  const wanted = schemes.map((scheme) => `${scheme}://${url.hostname}${port === "" ? "" : `:${port}`}`);
  const usual =
    port === ""
      ? schemes
          .toSorted()
          .reverse()
          .map((scheme) => `${scheme}://${url.hostname}:${REFERENCE_PORT}`)
      : [];
  const paths = pathsFrom(url.pathname);
  const { username, password } = url;
  return [...wanted, ...usual].map((origin) => ({ origin: new URL(origin).origin, paths, username, password }));
}
