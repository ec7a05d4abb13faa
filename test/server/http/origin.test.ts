import { afterEach, describe, expect, test } from "vitest";
import type { ListenOptions } from "../../../src/server/listen.ts";
import { ask, login, serve } from "../support/serving.ts";
import type { Answer } from "../support/serving.ts";

const POSITION = { document: "a", progress: "/body", percentage: 0.5, device: "Web" };
const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

interface Asked {
  readonly origin?: string;
  readonly body?: object;
  readonly headers?: Record<string, string>;
}

async function start(options: ListenOptions) {
  const serving = await serve("memory", options);
  undo.push(() => serving.close());
  const { port } = serving.server;
  await ask(port, { method: "POST", path: `${options.basePath ?? ""}/users/create`, body: JSON.stringify(ANN) });
  return (method: string, path: string, { origin, body, headers = {} }: Asked = {}): Promise<Answer> =>
    ask(port, {
      method,
      path,
      headers: { ...(origin === undefined ? {} : { origin }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
}

const ANN = { username: "ann", password: "key-ann" };
const WEB = "https://reader.example";
const preflight = (method: string) => ({ origin: WEB, headers: { "access-control-request-method": method } });
const granted = ({ headers }: Answer): string | undefined => headers["access-control-allow-origin"];

describe("a page of another server", () => {
  test.each([
    ["PUT", "/syncs/progress"],
    ["GET", "/syncs/progress/a"],
    ["GET", "/users/auth"],
  ])("with cors * may %s %s, and is told so before and with the answer, without credentials", async (method, path) => {
    const send = await start({ cors: "*" });
    const asked = await send("OPTIONS", path, preflight(method));
    expect(asked).toMatchObject({
      status: 204,
      text: "",
      headers: { "access-control-allow-origin": "*", "access-control-allow-methods": method },
    });
    expect(asked.headers["access-control-allow-headers"]).toContain("x-auth-key");
    expect(asked.headers).not.toHaveProperty("access-control-allow-credentials");
    const body = method === "PUT" ? { body: POSITION } : {};
    // The second of them is remembered, and goes the shorter way.
    for (let turn = 0; turn < 2; turn++) {
      const answer = await send(method, path, { origin: WEB, headers: login("ann"), ...body });
      expect([answer.status, granted(answer)]).toEqual([200, "*"]);
    }
    const refused = await send(method, path, { origin: WEB, headers: login("ann", "wrong"), ...body });
    expect([refused.status, granted(refused)]).toEqual([401, "*"]);
  });

  test.each([
    ["POST", "/users/create", { username: "evil", password: "x" }],
    ["PUT", "/users/password", { password: "x" }],
    ["DELETE", "/users/me", undefined],
    ["GET", "/healthcheck", undefined],
    ["GET", "/koreader-progress/v1/documents", undefined],
    ["DELETE", "/koreader-progress/v1/documents/a", undefined],
    ["POST", "/page/sign-in", {}],
    ["GET", "/", undefined],
    ["GET", "/nowhere", undefined],
  ])("never reaches %s %s", async (method, path, body) => {
    const send = await start({ cors: "*" });
    const headers = { ...login("ann"), "content-type": "text/plain" };
    const answer = await send(method, path, { origin: WEB, headers, ...(body === undefined ? {} : { body }) });
    expect(answer).toMatchObject({ status: 403, json: { code: 403 } });
    expect(granted(answer)).toBeUndefined();
    expect((await send("OPTIONS", path, preflight(method))).status).toBe(403);
    expect((await send("GET", "/users/auth", { headers: login("ann") })).status).toBe(200);
    expect((await send("GET", "/users/auth", { headers: login("evil", "x") })).status).toBe(401);
  });

  test.each(["null", "https://reader.example.evil", "nonsense", "http://test:81"])(
    "is a foreign one as %s, whether cors is off or names others",
    async (origin) => {
      for (const cors of ["off", [WEB]] as const) {
        const send = await start({ cors });
        const answer = await send("GET", "/users/auth", { origin, headers: login("ann") });
        expect([answer.status, granted(answer)]).toEqual([403, undefined]);
      }
    },
  );

  test("that is named may ask, and its name is the answer's", async () => {
    const send = await start({ cors: ["https://other.example", WEB], basePath: "/kosync" });
    const answer = await send("GET", "/kosync/users/auth", { origin: WEB, headers: login("ann") });
    expect([answer.status, granted(answer), answer.headers["vary"]]).toEqual([200, WEB, "origin"]);
    expect((await send("GET", "/users/auth", { origin: WEB })).status).toBe(403);
  });

  test("is told what it may before any limit, and after all tries are used up", async () => {
    const send = await start({ cors: "*", limits: { failuresPerAddress: { burst: 0, refillSeconds: 60 } } });
    expect((await send("GET", "/users/auth", { origin: WEB, headers: login("ann") })).status).toBe(401);
    expect((await send("OPTIONS", "/users/auth", preflight("GET"))).status).toBe(204);
  });
});

test("a page of this very server is none of another, and readers say nothing of pages", async () => {
  const send = await start({ cors: "off" });
  for (const asked of [{ origin: "http://test" }, { headers: { "sec-fetch-site": "same-origin" } }, {}]) {
    expect((await send("GET", "/healthcheck", asked)).status).toBe(200);
  }
  // A link on another page leads here.
  expect((await send("GET", "/", { headers: { "sec-fetch-site": "cross-site" } })).status).toBe(200);
  const lying = { origin: "http://test", headers: { "sec-fetch-site": "cross-site" } };
  expect((await send("GET", "/healthcheck", lying)).status).toBe(403);
});
