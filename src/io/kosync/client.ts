/** The kosync protocol from a client's side, with every server in the field behind one face. */
import * as z from "zod";
import type { KosyncClient } from "../../app/ports.ts";
import type { Account } from "../../model/account.ts";
import { SyncError } from "../../model/error.ts";
import type { ListedDocument } from "../../model/progress.ts";
import type { HttpAnswer } from "../http/request.ts";
import { isWebPage, readJson, readRecord, readTimestamp, readTrouble } from "./answers.ts";
import { DIALECTS, OWN_DOCUMENTS, readListing } from "./listing.ts";
import type { Dialect } from "./listing.ts";
import { createTransport } from "./transport.ts";
import type { Limits } from "./transport.ts";

const UNAUTHORIZED = 2001;
const USERNAME_TAKEN = 2002;
const INVALID_REQUEST = 2003;
const REGISTRATION_OFF = 2005;

const isGood = ({ status }: HttpAnswer): boolean => status >= 200 && status < 300;

/** Cut off on its way, or nothing at all where something was promised; 204 promises nothing. */
const isTruncated = (answer: HttpAnswer): boolean =>
  answer.status !== 204 && readJson(answer) === undefined && !isWebPage(answer);

/** Whether this is one server's way to say that it has no such document. The reference server says `200 {}`. */
function saysNotFound(answer: HttpAnswer): boolean {
  const { kosync_code, message } = readTrouble(answer);
  if (answer.status === 404 || answer.status === 410) return true;
  if (isWebPage(answer)) return false;
  if (answer.status === 400) return kosync_code === null;
  return (
    answer.status >= 500 && /not found|no (?:progress|record|document)|does(?:n't| not) exist/i.test(message ?? "")
  );
}

function saysUnauthorized(answer: HttpAnswer): boolean {
  return answer.status === 401 || readTrouble(answer).kosync_code === UNAUTHORIZED;
}

export interface KosyncClientOptions {
  readonly account: Account;
  readonly limits?: Partial<Limits>;
}

/**
 * A client for one account. Every method throws SyncError: ServerUnreachable {url, attempts, cause}, CertificateRefused
 * {url, fingerprint, reason}, Unauthorized {url, username}, NotKosyncServer {url, content_type},
 * ServerRefused {url, status, kosync_code, message} and Cancelled; the words for cause and reason are those of
 * `network-failure.ts` and `certificate.ts`.
 */
export function createKosyncClient({ account, limits }: KosyncClientOptions): KosyncClient {
  const transport = createTransport(account, limits);
  const { url } = transport;
  let confirmed: Promise<void> | undefined;

  function unauthorized(): SyncError {
    return new SyncError("Unauthorized", { url, username: account.username });
  }

  function refused(answer: HttpAnswer, words?: string): SyncError {
    const { kosync_code, message } = readTrouble(answer);
    const shown = words ?? message;
    return new SyncError("ServerRefused", {
      url,
      status: answer.status,
      kosync_code,
      message: shown === null ? null : transport.redact(shown),
    });
  }

  /** What an answer means that fits nothing better. */
  function trouble(answer: HttpAnswer): SyncError {
    if (saysUnauthorized(answer)) return unauthorized();
    if (answer.status >= 300 && answer.status < 400) return refused(answer, redirectWords(answer));
    const isElsewhere = isGood(answer) || answer.status === 404 || answer.status === 405;
    if (isElsewhere && isWebPage(answer)) return notKosync(answer);
    return refused(answer);
  }

  function notKosync(answer: HttpAnswer): SyncError {
    return new SyncError("NotKosyncServer", { url, content_type: answer.type });
  }

  function redirectWords({ location }: HttpAnswer): string {
    const target = URL.parse(location ?? "", url);
    return target === null ? "redirect" : `redirect to ${target.origin}${target.pathname}`;
  }

  async function askForLogin(signal?: AbortSignal): Promise<void> {
    const answer = await transport.ask(
      { method: "GET", path: "/users/auth", login: true, isBroken: isTruncated },
      signal,
    );
    const { kosync_code, message } = readTrouble(answer);
    if (isGood(answer)) {
      if (saysUnauthorized(answer)) throw unauthorized();
      const json = readJson(answer);
      if (answer.status === 204 || /^ok$/i.test(answer.body.trim())) return;
      if (typeof json !== "object" || json === null || Array.isArray(json)) throw notKosync(answer);
      if ("authorized" in json && (json.authorized === false || json.authorized === null)) throw unauthorized();
      if (kosync_code !== null || "error" in json) throw refused(answer);
      return;
    }
    if (answer.status === 403 && !isWebPage(answer) && kosync_code === null) throw unauthorized();
    if (answer.status === 404 || answer.status === 405) {
      throw /user|account/i.test(message ?? "") ? unauthorized() : notKosync(answer);
    }
    throw trouble(answer);
  }

  async function authorize(signal?: AbortSignal): Promise<void> {
    await askForLogin(signal);
    confirmed = Promise.resolve();
  }

  /**
   * Once per client: the server at this address knows the account. Only then "nothing stored" is believed, for a wrong
   * address or a proxy answers 404 to everything, and a book must not count as unread for that.
   */
  function confirm(signal?: AbortSignal): Promise<void> {
    confirmed ??= askForLogin(signal).catch((error: unknown) => {
      confirmed = undefined;
      throw error;
    });
    return confirmed;
  }

  return {
    authorize,

    async register(signal) {
      const body = { username: account.username, password: account.userkey };
      const answer = await transport.ask({ method: "POST", path: "/users/create", body, login: false }, signal);
      const { kosync_code, message } = readTrouble(answer);
      if (isGood(answer) && kosync_code === null) {
        if (answer.status !== 204 && typeof readJson(answer) !== "object") throw notKosync(answer);
        return;
      }
      const words = message ?? "";
      const isTaken = kosync_code === USERNAME_TAKEN || answer.status === 409 || /already|exists|taken/i.test(words);
      if (isTaken) {
        // A try that broke off may have made the account: then it is ours, and its key fits.
        if (answer.uncertain && (await isOurs(signal))) return;
        throw new SyncError("UsernameTaken", { url, username: account.username });
      }
      if (kosync_code === REGISTRATION_OFF) throw new SyncError("RegistrationClosed", { url });
      if (kosync_code === INVALID_REQUEST) throw refused(answer);
      if ([402, 403, 404, 405, 501].includes(answer.status)) {
        await expectKosyncServer(answer, signal);
        throw new SyncError("RegistrationClosed", { url });
      }
      throw trouble(answer);
    },

    async getProgress(document, signal) {
      // No address can hold these two names: they would be taken for folders.
      if (document === "." || document === "..") return null;
      const path = `/syncs/progress/${encodeURIComponent(document.toWellFormed())}`;
      const call = { method: "GET", path, login: true, isFinal: saysNotFound, isBroken: isTruncated } as const;
      const answer = await transport.ask(call, signal);
      if (isGood(answer)) {
        if (saysUnauthorized(answer)) throw unauthorized();
        const json = readJson(answer);
        if (json === undefined && answer.status !== 204) throw isWebPage(answer) ? notKosync(answer) : refused(answer);
        const read = readRecord(document, json);
        if (read.status === "record") return read.progress;
        if (read.status === "foreign") throw refused(answer, "answered for another document");
        if (readTrouble(answer).kosync_code !== null) throw refused(answer);
      } else if (!saysNotFound(answer)) {
        throw trouble(answer);
      }
      await confirm(signal);
      return null;
    },

    async putProgress(progress, signal) {
      const call = { method: "PUT", path: "/syncs/progress", body: progress, login: true } as const;
      const answer = await transport.ask(call, signal);
      if (!isGood(answer)) throw trouble(answer);
      if (saysUnauthorized(answer)) throw unauthorized();
      if (isWebPage(answer)) throw notKosync(answer);
      if (readTrouble(answer).kosync_code !== null) throw refused(answer);
      const json = readJson(answer);
      const timestamp = typeof json === "object" && json !== null && "timestamp" in json ? json.timestamp : null;
      return { timestamp: readTimestamp(timestamp) };
    },

    async removeDocument(document, signal) {
      const path = `${OWN_DOCUMENTS}/${encodeURIComponent(document.toWellFormed())}`;
      const answer = await transport.ask({ method: "DELETE", path, login: true, isFinal: () => true }, signal);
      if (saysUnauthorized(answer)) throw unauthorized();
      // A server in trouble has not said that it cannot; whatever else answers is a server without this path.
      if (answer.status === 429 || (answer.status >= 500 && answer.status !== 501)) throw trouble(answer);
      // Not deleted: the server can, and nothing stands there (any more, when an answer was lost on its way).
      const { data } = z.object({ deleted: z.boolean() }).safeParse(isGood(answer) ? readJson(answer) : null);
      return data !== undefined;
    },

    async listDocuments(signal) {
      // The reference server cannot, and the public one need not be asked each time.
      if (new URL(url).hostname === "sync.koreader.rocks") return null;
      await confirm(signal);
      for (const dialect of DIALECTS) {
        const list = await listIn(dialect, signal);
        if (list !== null) return list;
      }
      return null;
    },

    close: () => transport.close(),
  };

  /** The list as one kind of server gives it, page by page; null when the server is of another kind. */
  async function listIn(dialect: Dialect, signal?: AbortSignal): ReturnType<KosyncClient["listDocuments"]> {
    const documents: ListedDocument[] = [];
    let path: string | null = dialect.path(account.username);
    let complete = true;
    while (path !== null) {
      const answer = await transport.ask({ method: "GET", path, login: true, isFinal: () => true }, signal);
      const listing = isGood(answer) ? readListing(dialect, readJson(answer)) : null;
      // A list that breaks off in the middle is still worth what it says.
      if (listing === null) return documents.length === 0 ? null : { documents, complete: false };
      documents.push(...listing.documents);
      complete &&= listing.complete;
      path = listing.documents.length === 0 ? null : listing.next;
    }
    return { documents, complete };
  }

  async function isOurs(signal?: AbortSignal): Promise<boolean> {
    try {
      await authorize(signal);
      return true;
    } catch {
      return false;
    }
  }

  /** Throws NotKosyncServer unless the address answers a login, rightly or wrongly, as a kosync server does. */
  async function expectKosyncServer(answer: HttpAnswer, signal?: AbortSignal): Promise<void> {
    try {
      await authorize(signal);
    } catch (error) {
      if (error instanceof SyncError && error.kind === "Unauthorized") return;
      throw error instanceof SyncError && error.kind === "ServerRefused" ? notKosync(answer) : error;
    }
  }
}
