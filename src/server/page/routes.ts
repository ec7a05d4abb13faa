import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { userkeyOf } from "../../core/md5.ts";
import { mayBeName, toClaim } from "../claim.ts";
import { isForeign } from "../foreign.ts";
import type { Context } from "../http/context.ts";
import { Refusal } from "../errors.ts";
import type { StoredRecord } from "../stores/store.ts";
import { createDeleted } from "./deleted.ts";
import { claimedName, formatSession, isFormToken, newSessionId, parseSession, SESSION_SECONDS } from "./session.ts";
import type { Session } from "./session.ts";
import { CONTENT_SECURITY_POLICY } from "./style.ts";
import type { Place, ShownPage } from "./views.ts";
import { viewDelete, viewDocument, viewDocuments, viewProblem, viewSignIn } from "./views.ts";
import { wordsFor } from "./words.ts";

const PAGE_LENGTH = 100;
/** Characters of a name that are given back after a failed sign-in: more than any account has. */
const LONGEST_NAME = 256;
const COOKIE = "kosync_session";
/** More documents than a reader could page through; the rest is for the interface for programs. */
const MAX_DOCUMENTS = 20_000;

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

function show(reply: FastifyReply, status: number, page: string): FastifyReply {
  return reply.status(status).headers(HEADERS).type("text/html; charset=utf-8").send(page);
}

function readForm(body: unknown): URLSearchParams {
  return new URLSearchParams(Buffer.isBuffer(body) ? body.toString("utf8") : "");
}

function readCookie({ headers }: FastifyRequest): string | null {
  const pairs = (headers.cookie ?? "").split(";").map((pair) => pair.trim().split("="));
  return pairs.find(([name]) => name === COOKIE)?.[1] ?? null;
}

/** Whether a form was sent by a page of this server. */
function isFromHere({ headers, host }: FastifyRequest): boolean {
  return !isForeign(headers, host);
}

function readQuery(query: unknown, name: string): string | null {
  if (typeof query !== "object" || query === null || !(name in query)) return null;
  const value: unknown = Reflect.get(query, name);
  return typeof value === "string" ? value : null;
}

interface DocumentTime {
  readonly document: string;
  readonly timestamp: number;
}

/** The names on a page, those read last first; `asked` counts from 1, and is led back to a page that there is. */
function pageOf(times: DocumentTime[], asked: number): ShownPage & { readonly names: string[] } {
  const pages = Math.max(1, Math.ceil(times.length / PAGE_LENGTH));
  const number = Math.min(Math.max(1, asked), pages);
  const newest = times.sort((a, b) => b.timestamp - a.timestamp);
  const shown = newest.slice((number - 1) * PAGE_LENGTH, number * PAGE_LENGTH);
  return { number, pages, count: times.length, names: shown.map(({ document }) => document) };
}

/** The page for people: sign in, documents, history, delete, sign out. It needs no script, and has none. */
export function addPageRoutes(app: FastifyInstance, context: Context): void {
  const { store, gate, clock, basePath } = context;
  const cookiePath = `${basePath}/`;
  const deleted = createDeleted(clock);

  /** What a page for this browser is made with. */
  const placeOf = ({ headers }: FastifyRequest): Place => ({
    basePath,
    words: wordsFor(headers["accept-language"]),
    now: clock(),
  });

  async function sessionOf(request: FastifyRequest): Promise<Session | null> {
    const cookie = readCookie(request);
    if (cookie === null) return null;
    const name = claimedName(cookie);
    if (!mayBeName(name)) return null;
    const [secret, kept] = await Promise.all([store.secret(), store.credentialOf(name)]);
    const session = kept === null ? null : parseSession(secret, kept, cookie, clock());
    return session !== null && (await store.hasSession(name, session.id, clock())) ? session : null;
  }

  function setCookie(request: FastifyRequest, reply: FastifyReply, value: string, seconds: number): FastifyReply {
    const secure = request.protocol === "https" ? "; Secure" : "";
    const rules = `Path=${cookiePath}; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
    return reply.header("set-cookie", `${COOKIE}=${value}; ${rules}`);
  }

  /** When each document was read last; of very many the rest is left out. */
  async function timesOf(username: string): Promise<DocumentTime[]> {
    const times: DocumentTime[] = [];
    for await (const records of store.list(username, { since: 0, after: null })) {
      for (const { document, timestamp } of records) times.push({ document, timestamp });
      if (times.length >= MAX_DOCUMENTS) break;
    }
    return times;
  }

  async function recordsOf(username: string, names: readonly string[]): Promise<StoredRecord[]> {
    const found = await Promise.all(names.map((name) => store.find(username, [name], false)));
    return found.map((answer) => answer.found?.record).filter((record) => record !== undefined);
  }

  function refuseForm(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const place = placeOf(request);
    return show(reply, 403, viewProblem(place, place.words.notDone, place.words.foreignForm));
  }

  /** Answers with the page of a document of the query, or says that it is not there. */
  async function showDocument(
    request: FastifyRequest,
    reply: FastifyReply,
    view: (place: Place, session: Session, record: StoredRecord) => Promise<string> | string,
  ): Promise<FastifyReply> {
    const session = await sessionOf(request);
    if (session === null) return reply.redirect(cookiePath, 303);
    const place = placeOf(request);
    const id = readQuery(request.query, "id") ?? "";
    const found = mayBeName(id) ? (await store.find(session.username, [id], false)).found : null;
    if (found === null) {
      return show(reply, 404, viewProblem(place, place.words.noDocument, place.words.noDocumentAbout));
    }
    return show(reply, 200, await view(place, session, found.record));
  }

  app.get("/", async (request, reply) => {
    const session = await sessionOf(request);
    if (session === null) return show(reply, 200, viewSignIn(placeOf(request), null));
    const asked = Number(readQuery(request.query, "page") ?? 1);
    const times = await timesOf(session.username);
    const { names, ...page } = pageOf(times, Number.isSafeInteger(asked) ? asked : 1);
    const records = await recordsOf(session.username, names);
    const last = deleted.of(session.id)?.record ?? null;
    return show(reply, 200, viewDocuments(placeOf(request), session, records, page, last));
  });

  app.get("/page/document", (request, reply) =>
    showDocument(request, reply, async (place, session, record) =>
      viewDocument(place, session, record, await store.history(session.username, record.document)),
    ),
  );

  app.get("/page/delete", (request, reply) => showDocument(request, reply, viewDelete));

  app.post("/page/sign-in", async (request, reply) => {
    if (!isFromHere(request)) return refuseForm(request, reply);
    const form = readForm(request.body);
    const username = form.get("username") ?? "";
    try {
      const claim = toClaim(username, userkeyOf(form.get("password") ?? ""));
      const { credential } = await gate.check(claim, await store.credentialOf(username), request.ip);
      const id = newSessionId();
      const cookie = formatSession(await store.secret(), credential, username, clock(), id);
      await store.startSession(username, id, clock() + SESSION_SECONDS, clock());
      return await setCookie(request, reply, cookie, SESSION_SECONDS).redirect(cookiePath, 303);
    } catch (error) {
      if (!(error instanceof Refusal) || error.kind !== "Unauthorized") throw error;
      return show(reply, 401, viewSignIn(placeOf(request), username.slice(0, LONGEST_NAME)));
    }
  });

  app.post("/page/sign-out", async (request, reply) => {
    const session = await sessionOf(request);
    const token = readForm(request.body).get("token") ?? "";
    if (!isFromHere(request) || (session !== null && !isFormToken(session, token))) return refuseForm(request, reply);
    if (session !== null) await store.endSession(session.username, session.id);
    return setCookie(request, reply, "", 0).redirect(cookiePath, 303);
  });

  app.post("/page/delete", async (request, reply) => {
    const session = await sessionOf(request);
    const form = readForm(request.body);
    if (session === null) return reply.redirect(cookiePath, 303);
    if (!isFromHere(request) || !isFormToken(session, form.get("token") ?? "")) return refuseForm(request, reply);
    const id = form.get("id") ?? "";
    const { username } = session;
    const found = mayBeName(id) ? (await store.find(username, [id], false)).found : null;
    if (found !== null) {
      const [, ...history] = await store.history(username, id);
      await store.deleteDocument(username, id);
      deleted.keep(session.id, { kind: "document", username, record: found.record, history });
    }
    return reply.redirect(cookiePath, 303);
  });

  app.post("/page/undo", async (request, reply) => {
    const session = await sessionOf(request);
    if (session === null) return reply.redirect(cookiePath, 303);
    const token = readForm(request.body).get("token") ?? "";
    if (!isFromHere(request) || !isFormToken(session, token)) return refuseForm(request, reply);
    const document = deleted.of(session.id);
    deleted.forget(session.id);
    if (document === null) return reply.redirect(cookiePath, 303);
    // What a device has pushed since is newer, and stays.
    const { found } = await store.find(session.username, [document.record.document], false);
    if (found === null) await store.importLines([document]);
    return reply.redirect(`${basePath}/page/document?id=${encodeURIComponent(document.record.document)}`, 303);
  });
}
