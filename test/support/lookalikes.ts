/** Kosync servers as they are met in the field: each answers as one kind does, over a real socket. */
import type { ServerResponse } from "node:http";
import { json, startOddServer, type Heard, type OddServer } from "./odd-server.ts";

export const READER = "reader";
export const USERKEY = "5ebe2294ecd0e0f08eab7690d2a6ee69";

/** A record as it was put, and when (epoch seconds). */
type Stored = Record<string, unknown> & { timestamp: number };

/** What one kind of server says, in its own way. */
export interface Kind {
  readonly name: string;
  /** The path of its address as people type it. */
  readonly path: string;
  /** What a login that is right is answered. */
  readonly letIn: (response: ServerResponse) => void;
  /** What a login that is wrong is answered; null where anybody is let in. */
  readonly turnAway: ((response: ServerResponse) => void) | null;
  readonly unknown: (response: ServerResponse) => void;
  /** A record in its words. */
  readonly tell: (stored: Stored) => unknown;
  /** The answer to a put. */
  readonly stored: (response: ServerResponse, stored: Stored) => void;
  /** Its list of documents, by path; most have none. */
  readonly list?: { readonly path: string; readonly tell: (all: Stored[]) => unknown };
  /** Answers before anything else, and says whether it did. */
  readonly before?: (response: ServerResponse, heard: Heard) => boolean;
  /** Whether its login shows that it is one. */
  readonly shown: boolean;
  /** What its places come back as, where it does not keep them as they were put. */
  readonly place?: string;
  /** Whether it tells when a record was put. */
  readonly isTimeless?: boolean;
}

const text =
  (status: number, body: string, type = "text/plain") =>
  (response: ServerResponse): void =>
    void response.writeHead(status, body === "" ? {} : { "content-type": type }).end(body);

const says =
  (status: number, body: unknown) =>
  (response: ServerResponse): void =>
    json(response, status, body);

const iso = ({ timestamp, ...record }: Stored): object => ({
  ...record,
  timestamp: new Date(timestamp * 1000).toISOString().replace("Z", "0000"),
});

const unauthorized = says(401, { code: 2001, message: "Unauthorized" });

/** As the reference server does everything; the others differ in some of it. */
const REFERENCE: Kind = {
  name: "the reference server",
  path: "",
  letIn: says(200, { authorized: "OK" }),
  turnAway: unauthorized,
  unknown: says(200, {}),
  tell: (stored) => stored,
  stored: (response, { document, timestamp }) => json(response, 200, { document, timestamp }),
  shown: true,
};

const SPRING: Kind = { ...REFERENCE, name: "", path: "/api/koreader", unknown: says(404, { error: "Not Found" }) };

export const KINDS: readonly Kind[] = [
  {
    ...REFERENCE,
    before(response, { headers }) {
      if (headers.accept === "application/vnd.koreader.v1+json") return false;
      json(response, 412, { code: 101, message: "Invalid Accept header format." });
      return true;
    },
  },
  {
    ...REFERENCE,
    name: "the one on Hono, which lists",
    unknown: says(404, { status: "not found" }),
    list: { path: "/syncs/documents", tell: (documents) => ({ documents }) },
  },
  {
    ...REFERENCE,
    name: "the one on .NET: times as text, 502 for what it does not know",
    unknown: says(502, { message: "Document not found on server" }),
    tell: iso,
    list: {
      path: `/manage/users/documents?username=${READER}`,
      tell: (all) => all.map(({ document, ...more }) => ({ documentHash: document, ...more })),
    },
  },
  {
    ...REFERENCE,
    name: "Kavita: a key in the path, and a login that everybody passes",
    path: "/api/koreader/0a1B2c3D4e",
    letIn: says(200, { username: "kavita" }),
    turnAway: null,
    unknown: text(400, ""),
    stored: (response, { timestamp }) => json(response, 200, { timestamp }),
    shown: false,
  },
  {
    ...SPRING,
    name: "Spring: 403 with nothing",
    turnAway: text(403, ""),
    letIn: says(200, { username: READER }),
    shown: false,
  },
  { ...SPRING, name: "Spring: 403 with JSON", turnAway: says(403, { status: 403, error: "Forbidden" }) },
  { ...SPRING, name: "Spring: 401 with nothing", turnAway: text(401, ""), letIn: text(200, ""), shown: false },
  { ...SPRING, name: "Spring: 401 with a page", turnAway: text(401, "<html>Unauthorized</html>", "text/html") },
  {
    ...REFERENCE,
    name: "Komga: no times, and pointers to a whole file",
    path: "/koreader",
    unknown: says(404, { status: 404, error: "Not Found" }),
    tell: (stored) => ({ ...stored, timestamp: undefined, progress: "/body/DocFragment[44].0" }),
    stored: (response, { document }) => json(response, 200, { document }),
    place: "/body/DocFragment[44].0",
    isTimeless: true,
  },
  {
    ...REFERENCE,
    name: "Calibre-Web-Automated: a slash at the end, and ids of its own",
    path: "/kosync",
    tell: (stored) => ({ ...stored, calibre_book_id: 12 }),
    before(response, { path }) {
      if (path !== "/kosync/users/auth") return false;
      response.writeHead(308, { location: "/kosync/users/auth/" }).end();
      return true;
    },
  },
  {
    ...REFERENCE,
    name: "its next generation, which holds back what is no place",
    path: "/kosync",
    before: (response, { method, path }) => {
      if (method !== "GET" || !path.startsWith("/kosync/syncs/progress/") || path.includes("position_kinds="))
        return false;
      json(response, 200, { position_kinds_available: ["percentage"] });
      return true;
    },
    tell: (stored) => ({ ...stored, progress: null, position_kind: "percentage" }),
    place: "",
  },
  {
    ...REFERENCE,
    name: "BookOrbit: a percentage alone",
    path: "/api/koreader",
    tell: (stored) => ({ ...stored, progress: undefined }),
    place: "",
  },
  {
    ...REFERENCE,
    name: "Tome: a place of the web reader's",
    path: "/kosync",
    tell: (stored) => ({ ...stored, progress: "epubcfi(/6/8!/4/2/6:12)" }),
    place: "epubcfi(/6/8!/4/2/6:12)",
  },
  {
    ...REFERENCE,
    name: "crosspoint-sync, which lists the newest",
    unknown: says(404, { error: "not found" }),
    list: { path: "/api/v1/progress?limit=500", tell: (items) => ({ items, total: items.length }) },
  },
  {
    ...REFERENCE,
    name: "Codexa: coarse pointers",
    tell: (stored) => ({ ...stored, progress: "/body/DocFragment[26]/body" }),
    place: "/body/DocFragment[26]/body",
  },
  { ...REFERENCE, name: "one that says true", letIn: says(200, true), shown: false },
  { ...REFERENCE, name: 'one that says "OK"', letIn: says(200, "OK"), shown: false },
  { ...REFERENCE, name: "one that says OK as text", letIn: text(200, "OK"), unknown: text(204, ""), shown: false },
  {
    ...REFERENCE,
    name: "one on PHP, to which everything is a page",
    letIn: text(200, '{"authorized":"OK"}', "text/html; charset=UTF-8"),
    unknown: text(200, "{}", "text/html; charset=UTF-8"),
  },
  {
    ...REFERENCE,
    name: "one with numbers as text, in milliseconds",
    tell: ({ timestamp, percentage, ...record }) => ({
      ...record,
      timestamp: String(timestamp * 1000),
      percentage: String(percentage),
    }),
  },
  { ...REFERENCE, name: "one that says nothing to a put", stored: text(200, "") },
];

export const NOW = 1_764_000_000;

/** Starts one of a kind, with one account. */
export function startLookalike(kind: Kind): Promise<OddServer> {
  const records = new Map<string, Stored>();
  return startOddServer((response, heard) => {
    if (kind.before?.(response, heard) === true) return;
    const { method, headers } = heard;
    const path = heard.path.startsWith(`${kind.path}/`) ? heard.path.slice(kind.path.length) : null;
    if (path === null) return text(404, "<html>Not found</html>", "text/html")(response);
    const isReader = headers["x-auth-user"] === READER && headers["x-auth-key"] === USERKEY;
    if (!isReader && kind.turnAway !== null) return kind.turnAway(response);
    if (/^\/users\/auth\/?$/.test(path)) return kind.letIn(response);
    if (path === kind.list?.path) return json(response, 200, kind.list.tell([...records.values()]));
    if (method === "PUT" && path === "/syncs/progress") {
      const stored = { ...(JSON.parse(heard.body) as object), timestamp: NOW };
      records.set(String((stored as Stored)["document"]), stored);
      return kind.stored(response, stored);
    }
    const document = /^\/syncs\/progress\/([^/?]+)/.exec(path)?.[1];
    if (document === undefined) return text(404, "404 page not found")(response);
    const stored = records.get(document);
    return stored === undefined ? kind.unknown(response) : json(response, 200, kind.tell(stored));
  });
}
