/** Every way an answer can be wrong, and a kosync server that gives it at one step and is in order at all others. */
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { json, startOddServer, type Heard, type OddServer } from "./odd-server.ts";

/** How a fault is told, by what it is given for. */
export interface Fault {
  readonly name: string;
  readonly answer: (response: ServerResponse, heard: Heard) => void;
  /**
   * What it is at heart: `passing` may be another answer a moment later, `lasting` is not; `nothing` says that nothing is
   * stored, `stranger` that the login is wrong.
   */
  readonly nature: "passing" | "lasting" | "nothing" | "stranger";
  /** The name of the error that it is for a record, and at a login; null where it is none there. */
  readonly record: string | null;
  readonly login: string | null;
  /** Whether it looks like an answer that says yes to a put, without saying what was kept. */
  readonly isYes?: boolean;
}

const say =
  (status: number, body: string, type = "application/json", headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, { "content-type": type, ...headers }).end(body);

/** Small as it is sent, and more than any answer may be. */
const BOMB = gzipSync(Buffer.alloc(40 * 1024 * 1024));

const PAGE = "<!doctype html><html><body>Hello</body></html>";
const LOGIN_PAGE = '<html><form><input name="p" type="password"></form></html>';

const status = (code: number, nature: Fault["nature"], more: Partial<Fault> = {}): Fault => ({
  name: String(code),
  answer: say(code, JSON.stringify({ error: "trouble" })),
  nature,
  record: "ServerRefused",
  login: "ServerRefused",
  ...more,
});

const broken = (name: string, answer: Fault["answer"], more: Partial<Fault> = {}): Fault => ({
  name,
  answer,
  nature: "passing",
  record: "ServerUnreachable",
  login: "ServerUnreachable",
  ...more,
});

const page = (code: number): Partial<Fault> => ({ name: `${code} as a page`, answer: say(code, PAGE, "text/html") });

export const FAULTS: readonly Fault[] = [
  // What a server says of itself.
  status(402, "lasting"),
  status(403, "lasting", { login: "Unauthorized" }),
  status(403, "lasting", page(403)),
  status(405, "lasting", { login: "NotKosyncServer" }),
  status(405, "lasting", { ...page(405), login: "NotKosyncServer", record: "NotKosyncServer" }),
  status(408, "passing"),
  status(409, "lasting"),
  status(412, "lasting"),
  status(418, "lasting"),
  status(425, "passing"),
  status(500, "passing"),
  status(500, "passing", { ...page(500) }),
  status(501, "lasting"),
  status(502, "passing", page(502)),
  status(504, "passing", page(504)),
  status(522, "passing", page(522)),
  status(526, "passing", page(526)),
  status(530, "passing", { name: "1016", answer: say(530, "error code: 1016", "text/plain") }),
  // Busy.
  status(429, "passing"),
  status(429, "passing", { name: "429, at once", answer: say(429, "{}", "application/json", { "retry-after": "0" }) }),
  status(429, "lasting", { name: "429 for an hour", answer: say(429, "", "text/plain", { "retry-after": "3600" }) }),
  status(503, "passing", page(503)),
  // A gateway.
  status(511, "lasting", { ...page(511), record: "BehindLogin", login: "BehindLogin" }),
  status(302, "lasting", {
    name: "302 to a login",
    answer: say(302, "", "text/html", { location: "https://login.invalid/sso?rd=x" }),
    record: "BehindLogin",
    login: "BehindLogin",
  }),
  status(301, "lasting", {
    name: "301 elsewhere",
    answer: (response, { path }) => say(301, "", "text/html", { location: `http://books.invalid${path}` })(response),
    record: "OtherAddress",
    login: "OtherAddress",
  }),
  status(302, "lasting", {
    name: "302 in circles",
    answer: (response, { path }) => say(302, "", "text/html", { location: path })(response),
  }),
  status(200, "passing", {
    name: "200 with a login page",
    answer: say(200, LOGIN_PAGE, "text/html"),
    record: "BehindLogin",
    login: "BehindLogin",
  }),
  status(200, "passing", {
    name: "200 with a page",
    answer: say(200, PAGE, "text/html"),
    record: "NotKosyncServer",
    login: "NotKosyncServer",
  }),
  // Not stored, in all its words.
  status(404, "nothing", { record: null, login: "NotKosyncServer" }),
  status(404, "nothing", { ...page(404), record: null, login: "NotKosyncServer" }),
  status(410, "nothing", { record: null }),
  status(400, "nothing", { record: null }),
  status(204, "nothing", {
    answer: (response) => void response.writeHead(204).end(),
    record: null,
    login: null,
    isYes: true,
  }),
  status(200, "nothing", {
    name: "200 {}",
    answer: say(200, "{}"),
    record: null,
    login: "NotKosyncServer",
    isYes: true,
  }),
  status(200, "nothing", { name: "200 null", answer: say(200, "null"), record: null, login: null, isYes: true }),
  status(200, "nothing", {
    name: "200 []",
    answer: say(200, "[]"),
    record: null,
    login: "NotKosyncServer",
    isYes: true,
  }),
  // Not let in.
  status(401, "stranger", { record: "Unauthorized", login: "Unauthorized" }),
  status(401, "stranger", { ...page(401), record: "Unauthorized", login: "Unauthorized" }),
  status(200, "stranger", {
    name: "200 with code 2001",
    answer: say(200, '{"code":2001,"message":"Unauthorized"}'),
    record: "Unauthorized",
    login: "Unauthorized",
  }),
  // A yes that is none.
  status(200, "lasting", {
    name: "200 with code 2000",
    answer: say(200, '{"code":2000,"message":"Unknown server error."}'),
  }),
  status(200, "lasting", {
    name: "200 about another document",
    answer: say(200, '{"document":"another","percentage":0.9,"progress":"9","timestamp":1764000000}'),
    login: null,
  }),
  status(200, "passing", { name: "200 and nothing", answer: say(200, ""), login: null, isYes: true }),
  status(200, "passing", { name: "200 in text", answer: say(200, "fine", "text/plain"), login: null, isYes: true }),
  status(200, "passing", { name: "200 cut off", answer: say(200, '{"percentage": 0.'), login: null, isYes: true }),
  // No answer.
  broken("a reset", (response) => void response.socket?.resetAndDestroy()),
  broken("no HTTP", (response) => void response.socket?.end("SSH-2.0-OpenSSH_9.9\r\n")),
  broken("a body cut off", (response) => {
    response.writeHead(200, { "content-length": "500" });
    response.write('{"document"');
    setImmediate(() => response.socket?.destroy());
  }),
  broken("garbage that is packed", say(200, "not packed at all", "application/json", { "content-encoding": "gzip" })),
  broken("a bomb", say(200, "", "application/json"), {
    answer: (response) =>
      void response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(BOMB),
    nature: "lasting",
  }),
  broken("headers beyond all limits", say(200, "{}", "application/json", { "x-long": "x".repeat(200_000) }), {
    nature: "lasting",
  }),
  broken("silence", () => undefined, { nature: "lasting" }),
  broken("a trickle", trickle, { nature: "lasting" }),
];

function trickle(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" });
  const timer = setInterval(() => response.write(" "), 20);
  response.on("close", () => clearInterval(timer));
}

export const STEPS = ["search", "login", "list", "get", "put", "carry over"] as const;
export type Step = (typeof STEPS)[number];

/** `once`: the first request of the step alone; `one`: each about one document; `all`: each of the step. */
export const EXTENTS = ["once", "one", "all"] as const;
export type Extent = (typeof EXTENTS)[number];

export interface Kept {
  document: string;
  progress: string;
  percentage: number;
  device: string;
  device_id: string;
  timestamp: number;
}

/** A server in order, which the fault befalls at one step. */
export interface FaultServer extends OddServer {
  readonly records: Map<string, Kept>;
  /** From now on. */
  befall(step: Step, fault: Fault, extent: Extent, document: string): void;
  /** Resolves as soon as it has befallen a request. */
  readonly befallen: () => Promise<void>;
  readonly hasBefallen: () => boolean;
}

const NOW = 1_764_000_000;

function stepOf({ method, path, headers }: Heard): Step | null {
  if (method === "PUT") return "put";
  if (path === "/users/auth" || path === "/kosync/users/auth")
    return headers["x-auth-key"] === undefined ? "search" : "login";
  if (path.startsWith("/syncs/progress/")) return "get";
  if (/documents|\/api\/v1\/progress/.test(path)) return "list";
  return null;
}

/** Starts one; `prefix` is where it is, below its origin. */
export async function startFaultServer(prefix = ""): Promise<FaultServer> {
  const records = new Map<string, Kept>();
  let fault: Fault | null = null;
  let step: Step = "get";
  let extent: Extent = "once";
  let unlucky = "";
  /** What the fault has befallen once, and how often it was asked about. */
  let struck: string | null = null;
  let times = 0;

  function isBefallen(heard: Heard): boolean {
    if (fault === null || stepOf(heard) !== (step === "carry over" ? "put" : step)) return false;
    const isUnlucky = heard.path.endsWith(`/${unlucky}`) || heard.body.includes(`"${unlucky}"`);
    if (extent === "one" && (step === "get" || step === "put" || step === "carry over") && !isUnlucky) return false;
    if (extent !== "once") return true;
    const about = `${heard.path} ${heard.body}`;
    struck ??= about;
    if (about !== struck) return false;
    times += 1;
    // What goes in circles is one answer, however often it is asked for.
    return times === 1 || (fault.name.includes("circles") && times <= 5);
  }

  function answer(response: ServerResponse, { method, path: whole, headers, body }: Heard): void {
    const path = whole.startsWith(prefix) ? whole.slice(prefix.length) : "/";
    if (headers["x-auth-key"] === undefined && path.startsWith("/users")) return json(response, 401, { code: 2001 });
    if (path === "/users/auth") return json(response, 200, { authorized: "OK" });
    if (method === "PUT" && path === "/syncs/progress") {
      const record = { ...(JSON.parse(body) as Kept), timestamp: NOW };
      records.set(record.document, record);
      return json(response, 200, { document: record.document, timestamp: NOW });
    }
    const document = /^\/syncs\/progress\/([^/]+)$/.exec(path)?.[1];
    if (document !== undefined) return json(response, 200, records.get(document) ?? {});
    json(response, 404, { message: "not found" });
  }

  const struckOnce = Promise.withResolvers<undefined>();
  let hasBefallen = false;
  const server = await startOddServer((response, heard) => {
    if (isBefallen(heard)) {
      hasBefallen = true;
      struckOnce.resolve(undefined);
      fault?.answer(response, heard);
    } else answer(response, heard);
  });
  return Object.assign(server, {
    records,
    befallen: () => struckOnce.promise,
    hasBefallen: () => hasBefallen,
    befall(at: Step, what: Fault, how: Extent, document: string) {
      [step, fault, extent, unlucky, struck, times] = [at, what, how, document, null, 0];
    },
  });
}
