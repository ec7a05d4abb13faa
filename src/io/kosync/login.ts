/** What a kosync server is, by how it answers a login: one idea, for the client and for the search of an address. */
import type { LoggedIn } from "../../app/ports.ts";
import type { SyncError } from "../../model/error.ts";
import { isGood, isPage, jsonOf, type Answer } from "./answers.ts";
import { CODES, saysUnauthorized, type Troubles } from "./troubles.ts";
import type { Transport } from "./transport.ts";

/**
 * What an answer to `GET /users/auth` says. `let_in`: the login is right; `unshown`: as far as this answer goes, which
 * may be one that everything gets; `not_let_in`: name or password is wrong; `trouble`: anything else.
 */
export type LoginWord = "let_in" | "unshown" | "not_let_in" | "elsewhere" | "trouble";

export function readLogin(answer: Answer): LoginWord {
  const { status, body, kosync_code, message } = answer;
  if (saysUnauthorized(answer)) return "not_let_in";
  if (status === 404 || status === 405)
    return /(?:^|[^/\w])(?:user|account)\b/i.test(message ?? "") ? "not_let_in" : "elsewhere";
  // Spring's way to say it, with a body or without; a page is what a proxy says.
  if (status === 403) return isPage(answer) || kosync_code !== null ? "trouble" : "not_let_in";
  if (!isGood(answer) || isPage(answer)) return "trouble";
  if (body.kind !== "json") return "unshown";
  const { json } = body;
  if (Array.isArray(json) || json === false || typeof json === "number") return "elsewhere";
  if (typeof json !== "object" || json === null) return "unshown";
  if ("authorized" in json) return json.authorized === false || json.authorized === null ? "not_let_in" : "let_in";
  return kosync_code !== null || "error" in json ? "trouble" : "unshown";
}

/**
 * Whether an answer says that somebody is asked to log in, without saying more: so does a kosync server without a login,
 * and so does a gateway to whatever is asked.
 */
export function wantsLogin(answer: Answer): boolean {
  if (saysUnauthorized(answer) || answer.status === 403) return true;
  return (
    [400, 412, 422].includes(answer.status) && /x-auth|credential|unauthori|accept header/i.test(answer.message ?? "")
  );
}

/** Whether an answer bears one of the protocol's own codes or words. */
export function isKosyncs(answer: Answer): boolean {
  const codes: readonly (number | null)[] = [100, 101, 102, CODES.unauthorized, CODES.invalid_request];
  const json = jsonOf(answer);
  return codes.includes(answer.kosync_code) || (typeof json === "object" && json !== null && "authorized" in json);
}

/** A path that no server has. */
export function nonsensePath(): string {
  return `/syncs/${crypto.randomUUID()}`;
}

/** A digest that no file has. */
export function nobodysDocument(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

/**
 * Whether a good answer that shows no login is a kosync server's: only if a path that is none, and a document that
 * nobody has, are answered otherwise. A captive portal, a home page and an echo say yes to everything.
 */
export function standsOut(login: Answer, nonsense: Answer, document: Answer): boolean {
  if (isGood(nonsense) && !isPage(nonsense)) return false;
  if (isPage(document) ? isGood(document) : sameAnswer(login, document)) return false;
  const json = jsonOf(document);
  const isRecord = typeof json === "object" && json !== null && "percentage" in json && json.percentage !== null;
  return !isRecord && !(document.status >= 300 && document.status < 400);
}

function sameAnswer(one: Answer, other: Answer): boolean {
  return one.status === other.status && JSON.stringify(one.body) === JSON.stringify(other.body);
}

/**
 * Logs in: one request, tried once, and two more where the answer shows no login. Throws Unauthorized, NotKosyncServer,
 * BehindLogin, OtherAddress, ServerRefused and what the transport throws.
 */
export async function logIn(transport: Transport, troubles: Troubles, signal?: AbortSignal): Promise<LoggedIn> {
  const ask = (path: string): Promise<Answer> =>
    transport.ask({ method: "GET", path, login: true, once: true }, signal);
  const answer = await ask("/users/auth");
  const word = readLogin(answer);
  if (word === "not_let_in") throw troubles.unauthorized();
  if (word === "elsewhere") throw troubles.notKosync(answer);
  if (word === "trouble") throw troubles.of(answer);
  if (word === "let_in") return { url: transport.address(), shown: true };
  const nonsense = await ask(nonsensePath());
  const document = await ask(`/syncs/progress/${nobodysDocument()}`);
  if (saysUnauthorized(document)) throw troubles.unauthorized();
  if (!standsOut(answer, nonsense, document)) throw notOne(answer, document, troubles);
  return { url: transport.address(), shown: false };
}

/** What answers everything alike: where documents get a login page, it is that. */
function notOne(answer: Answer, document: Answer, troubles: Troubles): SyncError {
  const trouble = troubles.of(document);
  return trouble.kind === "BehindLogin" ? trouble : troubles.notKosync(answer);
}
