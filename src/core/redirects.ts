/** Which redirects are followed, with the login and all: those that a site makes to itself. */

/** The name of a site, with or without its `www.`. */
const bare = (hostname: string): string => hostname.replace(/^www\./, "");

const portOf = ({ port, protocol }: URL): string => port || (protocol === "https:" ? "443" : "80");

/**
 * Whether a request may follow with all it holds: to the same host and port, from port 80 to 443, `www.` added or
 * removed; never from TLS to plain text, and never elsewhere.
 */
export function isSameSite(from: URL, to: URL): boolean {
  if (!["http:", "https:"].includes(to.protocol)) return false;
  if (from.protocol === "https:" && to.protocol !== "https:") return false;
  if (bare(from.hostname) !== bare(to.hostname)) return false;
  const [was, becomes] = [portOf(from), portOf(to)];
  return was === becomes || (was === "80" && becomes === "443" && to.protocol === "https:");
}

/** Where a redirect points to; null for what is none. A PUT is not followed by a 303, which asks for a GET instead. */
export function redirectTarget(
  { status, location }: { readonly status: number; readonly location: string | null },
  method: string,
  from: URL,
): URL | null {
  const isRedirect = [301, 302, 307, 308].includes(status) || (status === 303 && method === "GET");
  return isRedirect && location !== null ? URL.parse(location, from) : null;
}

/** Words in an address that belong to logging in and not to books. */
const LOGIN =
  /(?:^|[./_-])(?:log-?in|sign-?in|sso|auth(?:elia|entik|enticate|entication|orize)?|oauth2?|oidc|saml|cas|idp?|identity|account|portal|captive|access|consent)(?:$|[./_-])/i;

/** Whether what we are sent to is a page where people log in: by its name, or because it is told where to return to. */
export function isLoginPage(to: URL, from: URL): boolean {
  const path = to.pathname.replace(/\/users\/auth\/?$/, "");
  if (LOGIN.test(`${to.hostname}${path}`)) return true;
  const values = [...to.searchParams.values()];
  return values.some((value) => value.includes(from.host) || value.includes("/users/") || value.includes("/syncs/"));
}
