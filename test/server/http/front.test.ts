/** A server that stands behind another answers that one alone, and may believe it who asks. */
import { randomBytes } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { ask, login, serve } from "../support/serving.ts";
import type { Answer, Serving } from "../support/serving.ts";
import { startServer } from "../../../src/server/listen.ts";
import type { ListenOptions } from "../../../src/server/listen.ts";
import type { ArrivedPlace } from "../../../src/model/hosting.ts";

const SECRET = randomBytes(32).toString("hex");
const POSITION = { document: "a", progress: "/body/p[1]", percentage: 0.5, device: "Kobo", device_id: "K" };

let serving: Serving | undefined;
afterEach(() => serving?.close());

async function start(vouches: boolean, options: ListenOptions = {}): Promise<number> {
  serving = await serve("sqlite", { basePath: "/kosync", front: { secret: SECRET, vouches }, ...options });
  return serving.server.port;
}

const fromFront = { "koreader-progress-front": SECRET };
const put = (port: number, headers: Record<string, string>, body: object = POSITION): Promise<Answer> =>
  ask(port, { method: "PUT", path: "/kosync/syncs/progress", headers, body: JSON.stringify(body) });
const get = (port: number, headers: Record<string, string>): Promise<Answer> =>
  ask(port, { method: "GET", path: "/kosync/syncs/progress/a", headers });

test.each([
  ["no secret", {}],
  ["an empty one", { "koreader-progress-front": "" }],
  ["a part of it", { "koreader-progress-front": SECRET.slice(1) }],
  ["another one", { "koreader-progress-front": "0".repeat(64) }],
])("another user of the machine, with %s, is told nothing and leaves nothing", async (_what, headers) => {
  const port = await start(true);
  for (const path of ["/kosync/healthcheck", "/healthcheck", "/", "/kosync/", "/kosync/nowhere"]) {
    const answer = await ask(port, { method: "GET", path, headers });
    expect([answer.status, answer.json]).toEqual([401, { code: 2001, message: "Unauthorized" }]);
  }
  expect((await put(port, { ...login("ann"), ...headers })).status).toBe(401);
  expect((await get(port, { ...login("ann"), ...fromFront })).json).toEqual({});
});

test("who was vouched for has positions of their own, whatever key is named, from the first question on", async () => {
  const port = await start(true);
  expect((await get(port, { ...login("ann"), ...fromFront })).json).toEqual({});
  expect((await put(port, { ...login("ann", "one"), ...fromFront })).status).toBe(200);
  expect((await put(port, { ...login("ann", "two"), ...fromFront })).status).toBe(200);
  expect((await get(port, { ...login("ann", "three"), ...fromFront })).json).toMatchObject(POSITION);
  expect((await get(port, { ...login("ben"), ...fromFront })).json).toEqual({});
});

test("an account that is deleted comes back empty with its next place", async () => {
  const port = await start(true);
  const ann = { ...login("ann"), ...fromFront };
  await put(port, ann);
  expect((await ask(port, { method: "DELETE", path: "/kosync/users/me", headers: ann })).json).toEqual({
    deleted: true,
  });
  expect((await get(port, ann)).json).toEqual({});
  expect((await put(port, ann)).status).toBe(200);
});

test("nobody registers where another one vouches", async () => {
  const port = await start(true);
  const body = JSON.stringify({ username: "eve", password: "k" });
  const answer = await ask(port, { method: "POST", path: "/kosync/users/create", headers: fromFront, body });
  expect(answer.json).toMatchObject({ code: 2005 });
});

test("a server that readers speak with lets nobody in as one that was vouched for", async () => {
  const port = await start(true);
  await put(port, { ...login("ann"), ...fromFront });
  const { front: _, ...options } = serving?.options ?? {};
  await serving?.server.stop();
  const open = await startServer(options);
  for (const key of ["vouched", "key-ann", ""]) {
    expect((await get(open.port, login("ann", key))).status).toBe(401);
  }
  await open.stop();
});

test("an account with a key of its own is not whoever is vouched for by that name", async () => {
  const port = await start(false);
  const body = JSON.stringify({ username: "ann", password: "key-ann" });
  await ask(port, { method: "POST", path: "/kosync/users/create", headers: fromFront, body });
  expect((await put(port, { ...login("ann"), ...fromFront })).status).toBe(200);
  expect((await put(port, { ...login("ann", "wrong"), ...fromFront })).status).toBe(401);
});

test("each place that is on the disk is told, and no other", async () => {
  const places: ArrivedPlace[] = [];
  const port = await start(true, { onPlace: (place) => places.push(place) });
  const { json } = await put(port, { ...login("ann"), ...fromFront });
  await put(port, { ...login("ann"), ...fromFront }, { document: "b" });
  await put(port, login("ann"));
  const { document, percentage, device, device_id } = POSITION;
  expect(places).toEqual([
    { username: "ann", document, percentage, device, device_id, timestamp: Object(json).timestamp },
  ]);
});
