/** What a server's answer means where it is no answer to the question: as a SyncError, in our own words. */
import { isLoginPage, redirectTarget } from "../../core/redirects.ts";
import type { Account } from "../../model/account.ts";
import { SyncError } from "../../model/error.ts";
import { isGood, isPage, type Answer } from "./answers.ts";
import type { Transport } from "./transport.ts";

/** The protocol's own codes. */
export const CODES = {
  unauthorized: 2001,
  username_taken: 2002,
  invalid_request: 2003,
  registration_off: 2005,
} as const;

export interface Troubles {
  unauthorized(): SyncError;
  notKosync(answer: Answer): SyncError;
  /** Words stand in for the server's own message. */
  refused(answer: Answer, words?: string): SyncError;
  /** What an answer means that fits nothing better. */
  of(answer: Answer): SyncError;
}

export function saysUnauthorized({ status, kosync_code }: Answer): boolean {
  return status === 401 || kosync_code === CODES.unauthorized;
}

/** Whether a page asks people for a password: what a gateway or a network's portal shows instead of what is behind it. */
function asksForPassword({ body, status }: Answer): boolean {
  return status === 511 || (body.kind === "page" && /<input\b[^>]*\btype\s*=\s*["']?password/i.test(body.text));
}

/** For one account's server; nothing secret is in any of these. */
export function createTroubles(account: Account, { url, redact }: Pick<Transport, "url" | "redact">): Troubles {
  const troubles: Troubles = {
    unauthorized: () => new SyncError("Unauthorized", { url, username: account.username }),
    notKosync: ({ type }) => new SyncError("NotKosyncServer", { url, content_type: type }),
    refused({ status, kosync_code, message }, words) {
      const shown = words ?? message;
      return new SyncError("ServerRefused", {
        url,
        status,
        kosync_code,
        message: shown === null ? null : redact(shown),
      });
    },
    of(answer) {
      if (saysUnauthorized(answer)) return troubles.unauthorized();
      const asked = new URL(url);
      const target = redirectTarget(answer, "GET", asked);
      if (target !== null) return sentOn(target, asked, answer);
      if (asksForPassword(answer)) return new SyncError("BehindLogin", { url, location: null });
      const isElsewhere = isGood(answer) || answer.status === 404 || answer.status === 405;
      return isElsewhere && isPage(answer) ? troubles.notKosync(answer) : troubles.refused(answer);
    },
  };

  /** A redirect that was not followed: to a login page, or to where the server may have moved. */
  function sentOn(target: URL, asked: URL, answer: Answer): SyncError {
    const location = `${target.origin}${target.pathname}`;
    if (isLoginPage(target, asked)) return new SyncError("BehindLogin", { url, location });
    // In circles, or from TLS to plain text: there is no other address to go to.
    if (target.hostname === asked.hostname || !["http:", "https:"].includes(target.protocol))
      return troubles.refused(answer, `redirect to ${location}`);
    const found = location.replace(/\/(?:users\/(?:auth|create)|syncs\/progress(?:\/[^/]*)?)?\/?$/, "");
    return new SyncError("OtherAddress", { url, found, by: "redirect" });
  }

  return troubles;
}
