import type { IncomingHttpHeaders } from "node:http";

/** Whether a browser says that a page of another server sent this. No reader says so, and a page cannot keep it from saying so. */
export function isForeign(headers: IncomingHttpHeaders, host: string | undefined): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  const { origin } = headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host;
}
