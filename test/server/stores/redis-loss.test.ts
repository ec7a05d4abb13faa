import { afterEach, expect, test } from "vitest";
import { createClient } from "redis";
import { startServer } from "../../../src/server/listen.ts";
import type { RunningServer } from "../../../src/server/listen.ts";
import { startRedis } from "../support/redis.ts";
import type { RealRedis } from "../support/redis.ts";
import { ask, login } from "../support/serving.ts";
import type { Answer } from "../support/serving.ts";

const POSITION = { document: "a", progress: "/body", percentage: 0.5, device: "Kobo" };
const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

async function start(instances: number): Promise<{ redis: RealRedis; servers: RunningServer[] }> {
  const redis = await startRedis();
  undo.push(() => redis.stop());
  const servers = await Promise.all(
    Array.from({ length: instances }, () => startServer({ port: 0, registration: "open", redis: redis.url })),
  );
  for (const server of servers) undo.push(() => server.stop());
  return { redis, servers };
}

function put(server: RunningServer | undefined, username: string, changes: object = {}): Promise<Answer> {
  const body = JSON.stringify({ ...POSITION, ...changes });
  return ask(server?.port ?? 0, { method: "PUT", path: "/syncs/progress", headers: login(username), body });
}

function get(server: RunningServer | undefined, path: string, username: string): Promise<Answer> {
  return ask(server?.port ?? 0, { method: "GET", path, headers: login(username) });
}

function register(server: RunningServer | undefined, username: string): Promise<Answer> {
  const body = JSON.stringify({ username, password: `key-${username}` });
  return ask(server?.port ?? 0, { method: "POST", path: "/users/create", body });
}

async function untilHealthy(server: RunningServer | undefined): Promise<void> {
  for (;;) {
    if ((await ask(server?.port ?? 0, { method: "GET", path: "/healthcheck" })).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("two servers on one Redis are one: accounts, positions, a changed key, a deleted account", async () => {
  const { servers } = await start(2);
  const [one, two] = servers;
  await register(one, "ann");
  expect((await register(two, "ann")).status).toBe(402);
  await put(one, "ann", { device: "one" });
  await put(two, "ann", { device: "two" });
  expect((await get(one, "/syncs/progress/a", "ann")).json).toMatchObject({ device: "two" });
  expect((await get(two, "/koreader-progress/v1/documents/a/history", "ann")).json).toMatchObject({
    history: [{ device: "two" }, { device: "one" }],
  });
  const change = { method: "PUT", path: "/users/password", headers: login("ann"), body: '{"password":"next"}' };
  expect((await ask(one?.port ?? 0, change)).status).toBe(200);
  expect((await get(two, "/syncs/progress/a", "ann")).status).toBe(401);
  const leave = { method: "DELETE", path: "/users/me", headers: login("ann", "next") };
  expect((await ask(two?.port ?? 0, leave)).status).toBe(200);
  expect((await put(one, "ann")).status).toBe(401);
});

test("a lost Redis is 502 at once on every path, nothing hangs, and all is well when it is back", async () => {
  const { redis, servers } = await start(1);
  const [server] = servers;
  await register(server, "ann");
  await put(server, "ann");
  await redis.kill("SIGKILL");
  const failed = { status: 502, json: { code: 2000, message: "Unknown server error." } };
  for (let round = 0; round < 3; round++) {
    expect(await put(server, "ann")).toMatchObject(failed);
    expect(await get(server, "/syncs/progress/a", "ann")).toMatchObject(failed);
    expect(await get(server, "/users/auth", "ann")).toMatchObject(failed);
    expect(await register(server, "new")).toMatchObject(failed);
    expect(await get(server, "/healthcheck", "ann")).toMatchObject(failed);
    expect(await get(server, "/koreader-progress/v1/documents", "ann")).toMatchObject(failed);
  }
  await redis.start();
  await untilHealthy(server);
  expect((await get(server, "/syncs/progress/a", "ann")).json).toMatchObject(POSITION);
});

test("a Redis that has stopped answering costs the first a short wait, and the others none", async () => {
  const { redis, servers } = await start(1);
  const [server] = servers;
  await register(server, "ann");
  redis.child.kill("SIGSTOP");
  try {
    expect((await put(server, "ann")).status).toBe(502);
    const answers = await Promise.all(Array.from({ length: 50 }, () => put(server, "ann")));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 502));
  } finally {
    redis.child.kill("SIGCONT");
  }
  await untilHealthy(server);
  expect((await put(server, "ann")).status).toBe(200);
});

test("a server can stop while its Redis is gone", async () => {
  const { redis, servers } = await start(1);
  await redis.kill("SIGKILL");
  await expect(servers[0]?.stop()).resolves.toBeUndefined();
});

test("a database that KOReader's own server wrote works as it is, and what we write it can read", async () => {
  const { redis, servers } = await start(1);
  const [server] = servers;
  const client = createClient({ url: redis.url });
  await client.connect();
  undo.push(() => client.close().then(() => undefined));
  await client.set("user:old:key", "key-old");
  await client.hSet("user:old:document:abc", {
    percentage: "0.32",
    progress: "/body/p[1]",
    device: "kpw",
    device_id: "D1",
    timestamp: "1600000000",
  });
  await client.set("user:old:alias:S1", "structure:abc");

  expect((await get(server, "/syncs/progress/abc", "old")).json).toEqual({
    document: "abc",
    percentage: 0.32,
    progress: "/body/p[1]",
    device: "kpw",
    device_id: "D1",
    timestamp: 1_600_000_000,
  });
  expect((await get(server, "/syncs/progress/S1?ids=structure:S1", "old")).json).toMatchObject({
    document: "abc",
    match: "structure",
    progress_match: "structure",
  });
  expect((await get(server, "/koreader-progress/v1/documents", "old")).json).toMatchObject({
    documents: [{ document: "abc", timestamp: 1_600_000_000 }],
  });
  await put(server, "old", { document: "abc", progress: "/body/p[2]", percentage: 0.5 });
  expect(await client.hGetAll("user:old:document:abc")).toMatchObject({
    percentage: "0.5",
    progress: "/body/p[2]",
    device: "Kobo",
    device_id: "D1",
    timestamp: expect.stringMatching(/^\d{10}$/),
  });
  await register(server, "new");
  expect(await client.get("user:new:key")).toBe("key-new");
  await ask(server?.port ?? 0, { method: "DELETE", path: "/users/me", headers: login("old") });
  expect(await client.keys("user:old:*")).toEqual([]);
});

test("identifiers left on a record by another server are not taken for those of a later writer", async () => {
  const { redis, servers } = await start(1);
  const [server] = servers;
  const client = createClient({ url: redis.url });
  await client.connect();
  undo.push(() => client.close().then(() => undefined));
  await register(server, "ann");
  await put(server, "ann", {
    identifiers: [
      { type: "content", value: "a" },
      { type: "structure", value: "S" },
    ],
  });
  await client.hSet("user:ann:document:a", { progress: "/elsewhere" });
  expect((await get(server, "/syncs/progress/S?ids=structure:S", "ann")).json).toMatchObject({
    match: "structure",
    progress_match: "structure",
  });
  await client.hSet("user:ann:document:a", { identifiers: "content:zz", identifiers_for: "/elsewhere" });
  expect((await get(server, "/syncs/progress/S?ids=structure:S", "ann")).json).toMatchObject({
    progress_match: "none",
  });
});

test("a name that leads to another key of the database is nobody's on the page, whoever signs in", async () => {
  const { servers } = await start(1);
  const [server] = servers;
  await register(server, "ann");
  await put(server, "ann");
  for (const username of ["ann:document:a", "ann:document", "ann:documents", "ann:history:a"]) {
    const body = new URLSearchParams({ username, password: "x" }).toString();
    expect((await ask(server?.port ?? 0, { method: "POST", path: "/page/sign-in", body })).status).toBe(401);
    const cookie = `kosync_session=${Buffer.from(username).toString("base64url")}.9999999999.a.b`;
    expect((await ask(server?.port ?? 0, { method: "GET", path: "/", headers: { cookie } })).status).toBe(200);
  }
});

test("an account leaves a full Redis, and what was left of one whose removal was cut off is nobody's", async () => {
  const { redis, servers } = await start(1);
  const [server] = servers;
  const client = await createClient({ url: redis.url }).connect();
  undo.push(async () => client.destroy());
  await register(server, "ann");
  await register(server, "bob");
  for (const document of ["a", "b"]) await put(server, "ann", { document });
  await put(server, "bob");
  await client.configSet("maxmemory", "1");
  const leave = { method: "DELETE", path: "/users/me", headers: login("ann") };
  expect((await ask(server?.port ?? 0, leave)).status).toBe(200);
  await client.configSet("maxmemory", "0");
  expect(await client.keys("user:ann:*")).toEqual([]);

  // A server that ended in the middle has left this.
  await client.set("user:ann:leaving", "key");
  await client.hSet("user:ann:document:a", { percentage: "0.9", progress: "/body/p[9]", device: "K", timestamp: "1" });
  expect((await get(server, "/syncs/progress/a", "ann")).status).toBe(401);
  expect((await register(server, "ann")).status).toBe(201);
  expect((await get(server, "/syncs/progress/a", "ann")).json).toEqual({});
  expect((await register(server, "ann")).status).toBe(402);
  expect((await get(server, "/syncs/progress/a", "bob")).json).toMatchObject(POSITION);
});

test("a Redis without room is told of, also to the health check, until there is room again", async () => {
  const { redis, servers } = await start(1);
  const [server] = servers;
  await register(server, "ann");
  await put(server, "ann");
  const client = await createClient({ url: redis.url }).connect();
  undo.push(async () => client.destroy());
  await client.configSet("maxmemory", "1");
  const full = { status: 502, json: { code: 2000, message: "The server's disk is full." } };
  expect(await put(server, "ann")).toMatchObject(full);
  expect(await ask(server?.port ?? 0, { method: "GET", path: "/healthcheck" })).toMatchObject(full);
  expect((await get(server, "/syncs/progress/a", "ann")).json).toMatchObject(POSITION);
  await client.configSet("maxmemory", "0");
  expect((await ask(server?.port ?? 0, { method: "GET", path: "/healthcheck" })).status).toBe(200);
  expect((await put(server, "ann")).status).toBe(200);
});
