import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import v8 from "node:v8";
import { runInNewContext } from "node:vm";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createServer } from "../../../src/server/http/app.ts";
import { createCredentials } from "../../../src/server/credentials.ts";
import { createLimiter, addressGroup } from "../../../src/server/http/limits.ts";
import { createLog } from "../../../src/server/http/log.ts";
import { startServer } from "../../../src/server/listen.ts";
import type { ListenOptions } from "../../../src/server/listen.ts";
import { createMemoryStore } from "../../../src/server/stores/memory/store.ts";
import type { Store } from "../../../src/server/stores/store.ts";
import { ask, CHEAP, exchange, login, serve } from "../support/serving.ts";
import type { Answer, Serving } from "../support/serving.ts";

const POSITION = { document: "a", progress: "/body", percentage: 0.5, device: "Kobo" };
const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

async function start(options: ListenOptions = {}, kind: "memory" | "sqlite" = "memory"): Promise<Serving> {
  const serving = await serve(kind, options);
  undo.push(() => serving.close());
  return serving;
}

function register(port: number, username: string, headers = {}): ReturnType<typeof ask> {
  const body = JSON.stringify({ username, password: `key-${username}` });
  return ask(port, { method: "POST", path: "/users/create", headers, body });
}

const via = (address: string): Record<string, string> => ({ "x-forwarded-for": address });

const auth = (port: number, headers: Record<string, string>): Promise<number> =>
  ask(port, { method: "GET", path: "/users/auth", headers }).then(({ status }) => status);

describe("keys", () => {
  test("are kept as salted scrypt hashes, in the file too", async () => {
    const { server, options } = await start({}, "sqlite");
    const key = "8d969eef6ecad3c29a3a629280e686cf";
    const body = (username: string): string => JSON.stringify({ username, password: key });
    for (const username of ["one", "two"]) {
      await ask(server.port, { method: "POST", path: "/users/create", body: body(username) });
    }
    const kept = await Promise.all(["one", "two"].map((username) => server.store.credentialOf(username)));
    expect(kept[0]).toMatch(/^scrypt\$16\$1\$1\$[\w-]{22}\$[\w-]{43}$/);
    expect(kept[0]).not.toBe(kept[1]);
    await server.stop();
    const folder = options.data ?? "";
    expect(readFileSync(join(folder, "kosync.sqlite")).includes(key)).toBe(false);
  });

  test("a changed credential is noticed although the old one is remembered", async () => {
    const credentials = createCredentials({ verbatim: false, cost: CHEAP });
    const first = await credentials.make("old");
    expect(await credentials.verify("ann", "old", first)).toBe(true);
    expect(credentials.isKnown("ann", "old", first)).toBe(true);
    const second = await credentials.make("new");
    expect(await credentials.verify("ann", "old", second)).toBe(false);
    expect(await credentials.verify("ann", "new", second)).toBe(true);
    expect(credentials.isKnown("ann", "new", null)).toBe(false);
  });

  test("no more of them are remembered than allowed", async () => {
    const credentials = createCredentials({ verbatim: false, cost: CHEAP, remembered: 3 });
    const kept = await credentials.make("k");
    for (const name of ["a", "b", "c", "d"]) await credentials.verify(name, "k", kept);
    expect(["a", "b", "c", "d"].map((name) => credentials.isKnown(name, "k", kept))).toEqual([false, true, true, true]);
  });

  test("an unknown name is worked for as a known one is, at the same cost", async () => {
    const costs: unknown[] = [];
    const credentials = createCredentials({
      verbatim: false,
      cost: CHEAP,
      derive: (_key, salt, cost) => {
        costs.push([salt.length, cost]);
        return Promise.resolve(Buffer.alloc(32));
      },
    });
    const kept = await credentials.make("k");
    await credentials.verify("ann", "wrong", kept);
    await credentials.verify("nobody", "wrong", null);
    expect(costs).toEqual([1, 2, 3].map(() => [16, CHEAP]));
  });

  test("a key kept verbatim is compared as it is, a hash among them as a hash", async () => {
    const verbatim = createCredentials({ verbatim: true });
    expect(await verbatim.make("key")).toBe("key");
    expect(await verbatim.verify("a", "key", "key")).toBe(true);
    expect(await verbatim.verify("a", "kez", "key")).toBe(false);
    expect(await verbatim.verify("a", "", null)).toBe(false);
    const hashed = await createCredentials({ verbatim: false, cost: CHEAP }).make("key");
    expect(await verbatim.verify("a", "key", hashed)).toBe(true);
    expect(await verbatim.verify("a", hashed, hashed)).toBe(false);
  });

  test.each([
    "scrypt$1048576$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "scrypt$32768$8$99$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "scrypt$1000$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "scrypt$16$1$1$a$b",
  ])("a key registered elsewhere as %s is a key, and never chooses the cost of its own check", async (kept) => {
    const costs: unknown[] = [];
    const derive = (_key: string, _salt: Buffer, cost: object): Promise<Buffer> => {
      costs.push(cost);
      return Promise.resolve(Buffer.alloc(32));
    };
    const verbatim = createCredentials({ verbatim: true, derive });
    expect(await verbatim.verify("a", kept, kept)).toBe(true);
    expect(await verbatim.verify("a", "b", kept)).toBe(false);
    const strict = createCredentials({ verbatim: false, cost: CHEAP, derive });
    expect(await strict.verify("a", kept, kept)).toBe(false);
    expect([verbatim.isStoredForm(kept), costs]).toEqual([false, []]);
    // On its way into a store that hashes keys, it is hashed as any other.
    expect(await strict.make(kept)).toMatch(/^scrypt\$16\$1\$1\$/);
  });
});

/** What a connection answers to one question more. */
const say = (socket: ReturnType<typeof connect>): Promise<string> =>
  new Promise((resolve) => {
    socket.once("data", (chunk: Buffer) => resolve(chunk.toString()));
    if (socket.closed) resolve("closed");
    socket.once("close", () => resolve("closed"));
    socket.write("GET /healthcheck HTTP/1.1\r\nhost: x\r\n\r\n");
  });

describe("limits", () => {
  test("a bucket empties, refills with time, and forgets the oldest keys", () => {
    let now = 0;
    const limiter = createLimiter({ burst: 2, refillSeconds: 10 }, () => now, 2);
    limiter.take("a");
    expect(limiter.allows("a")).toBe(true);
    limiter.take("a");
    expect(limiter.allows("a")).toBe(false);
    now = 10;
    expect(limiter.allows("a")).toBe(true);
    limiter.take("a");
    expect(limiter.allows("a")).toBe(false);
    limiter.take("b");
    limiter.take("c");
    expect(limiter.allows("a")).toBe(true);
  });

  test("what a limiter keeps of a name is short, however long the name is", () => {
    v8.setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    const held = (): number => {
      if (typeof collect === "function") collect();
      return process.memoryUsage().heapUsed;
    };
    const limiter = createLimiter({ burst: 1, refillSeconds: 10 }, () => 0);
    const before = held();
    for (let count = 0; count < 10_000; count++) limiter.take(`192.0.2.1\n${count}${"ä".repeat(8000)}`);
    expect(held() - before).toBeLessThan(16 * 1024 ** 2);
    expect(limiter.allows(`192.0.2.1\n7${"ä".repeat(8000)}`)).toBe(false);
    expect(limiter.allows(`192.0.2.1\n7${"ä".repeat(8001)}`)).toBe(true);
  });

  test.each([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
  ])("%s counts as %s", (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });

  test("after too many wrong keys even the right one is 401, until time has passed; other names are free", async () => {
    let now = 1_700_000_000;
    const { server } = await start({
      clock: () => now,
      limits: { failuresPerUser: { burst: 3, refillSeconds: 60 } },
    });
    await register(server.port, "ann");
    await register(server.port, "bob");
    for (let count = 0; count < 3; count++) expect(await auth(server.port, login("ann", `wrong${count}`))).toBe(401);
    expect(await auth(server.port, login("ann"))).toBe(401);
    expect(await auth(server.port, login("bob"))).toBe(200);
    now += 61;
    expect(await auth(server.port, login("ann"))).toBe(200);
  });

  test("a device that was believed before keeps working while others guess from its address", async () => {
    const { server } = await start({ limits: { failuresPerUser: { burst: 2, refillSeconds: 60 } } });
    await register(server.port, "ann");
    expect(await auth(server.port, login("ann"))).toBe(200);
    for (let count = 0; count < 5; count++) await auth(server.port, login("ann", "wrong"));
    expect(await auth(server.port, login("ann"))).toBe(200);
  });

  test("one device with an old password never locks the others of its house out, nor itself", async () => {
    const limits = {
      failuresPerUser: { burst: 2, refillSeconds: 60 },
      failuresPerAddress: { burst: 3, refillSeconds: 60 },
    };
    const { server } = await start({ limits });
    for (const name of ["ann", "bob"]) await register(server.port, name);
    for (let count = 0; count < 50; count++) expect(await auth(server.port, login("ann", "old"))).toBe(401);
    expect(await auth(server.port, login("bob"))).toBe(200);
    expect(await auth(server.port, login("ann"))).toBe(200);
    // A password that becomes right is right at once.
    await ask(server.port, {
      method: "PUT",
      path: "/users/password",
      headers: login("ann"),
      body: '{"password":"old"}',
    });
    expect(await auth(server.port, login("ann", "old"))).toBe(200);
  });

  test("a stranger who deletes accounts that are not there runs out of tries as well", async () => {
    const { server } = await start({ limits: { failuresPerAddress: { burst: 2, refillSeconds: 60 } } });
    const statuses: number[] = [];
    for (const name of ["a", "b", "c"]) {
      statuses.push((await ask(server.port, { method: "DELETE", path: "/users/me", headers: login(name) })).status);
    }
    expect(statuses).toEqual([404, 404, 401]);
  });

  test("addresses that a proxy names are spoken of once where nobody's word is taken, and not where it is", async () => {
    const lines: string[] = [];
    const log = createLog("error", (line) => lines.push(line));
    const { server } = await start({ log });
    for (const address of ["192.0.2.1", "192.0.2.2"]) await auth(server.port, { ...login("ann"), ...via(address) });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ event: "proxy_not_trusted", header: "x-forwarded-for" });
    expect(lines[0]).toContain("--trust-proxy");
    const trusting = await start({ log, trustProxy: "loopback" });
    await auth(trusting.server.port, { ...login("ann"), ...via("192.0.2.1") });
    expect(lines).toHaveLength(1);
  });

  test("guesses for many names from one address run out as well", async () => {
    const { server } = await start({ limits: { failuresPerAddress: { burst: 4, refillSeconds: 60 } } });
    await register(server.port, "ann");
    for (let count = 0; count < 4; count++) await auth(server.port, login(`name${count}`));
    expect(await auth(server.port, login("ann"))).toBe(401);
  });

  test("an address makes only so many accounts", async () => {
    const { server } = await start({ limits: { registrations: { burst: 2, refillSeconds: 60 } } });
    const statuses = [];
    for (const name of ["a", "b", "c"]) statuses.push((await register(server.port, name)).status);
    expect(statuses).toEqual([201, 201, 429]);
  });

  test("behind a trusted proxy the address is the one it names; otherwise that header means nothing", async () => {
    const limits = { registrations: { burst: 1, refillSeconds: 60 } };
    const trusting = await start({ limits, trustProxy: "loopback" });
    const strict = await start({ limits });
    const statuses: number[][] = [[], []];
    for (const [index, { server }] of [trusting, strict].entries()) {
      for (const [name, address] of [
        ["a", "192.0.2.1"],
        ["b", "192.0.2.2"],
        ["c", "192.0.2.2"],
      ] as const) {
        statuses[index]?.push((await register(server.port, name, via(address))).status);
      }
    }
    expect(statuses).toEqual([
      [201, 201, 429],
      [201, 429, 429],
    ]);
  });

  test("a body over 64 KiB is 413, headers over 16 KiB are 431, both as JSON", async () => {
    const { server } = await start();
    await register(server.port, "ann");
    const body = JSON.stringify({ ...POSITION, progress: "x".repeat(70_000) });
    const large = await ask(server.port, { method: "PUT", path: "/syncs/progress", headers: login("ann"), body });
    expect(large).toMatchObject({ status: 413, json: { code: 413 } });
    const wide = await ask(server.port, {
      method: "GET",
      path: "/healthcheck",
      headers: { "x-wide": "x".repeat(20_000) },
    });
    expect(wide).toMatchObject({ status: 431, json: { code: 431 } });
  });

  test("what is no HTTP is 400 as JSON", async () => {
    const { server } = await start();
    const answer = (await exchange(server.port, "BREW /coffee\r\n\r\n")).toString();
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('{"code":400,');
  });

  test("a client that never ends its request is told 408 and hung up on; others are served meanwhile", async () => {
    const { server } = await start({
      socketLimits: { headersTimeout: 200, requestTimeout: 300, checkInterval: 50 },
    });
    const slowHead = exchange(server.port, "GET /healthcheck HTTP/1.1\r\nhost: x\r\nx-slow: ");
    const slowBody = exchange(server.port, "POST /users/create HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{");
    expect((await ask(server.port, { method: "GET", path: "/healthcheck" })).status).toBe(200);
    expect((await slowHead).toString()).toMatch(/^HTTP\/1\.1 408 [^]*"code":408/);
    expect((await slowBody).toString()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("one address with more idle connections than there is room for keeps nobody else out", async () => {
    const { server } = await start({ host: "0.0.0.0", socketLimits: { maxConnections: 20 } });
    const open = (localAddress: string) =>
      new Promise<ReturnType<typeof connect>>((resolve) => {
        const socket = connect({ port: server.port, host: "127.0.0.1", localAddress }, () => resolve(socket));
        socket.on("error", () => undefined).resume();
        undo.push(() => void socket.destroy());
      });
    const reader = await open("127.0.0.2");
    expect(await say(reader)).toContain("200 OK");
    const idle = [];
    for (let count = 0; count < 60; count++) idle.push(await open("127.0.0.3"));
    expect(await say(await open("127.0.0.4"))).toContain("200 OK");
    expect(await say(reader)).toContain("200 OK");
    // Of the many it is those that were quiet longest who went.
    expect(await say(idle.at(-1) ?? reader)).toContain("200 OK");
    expect(await say(idle[0] ?? reader)).toBe("closed");
  });
});

describe("a server", () => {
  test("with closed registration refuses with 402/2005, even for a name that is taken, and lets its users in", async () => {
    const { server } = await start({ registration: "closed" });
    const credentials = createCredentials({ verbatim: false, cost: CHEAP });
    await server.store.createUser("ann", await credentials.make("key-ann"));
    expect(await register(server.port, "ann")).toMatchObject({
      status: 402,
      json: { code: 2005, message: "User registration is disabled." },
    });
    expect(await auth(server.port, login("ann"))).toBe(200);
  });

  test("serves below its base path only", async () => {
    const { server } = await start({ basePath: "/kosync" });
    expect(server.url).toMatch(/\/kosync$/);
    expect((await ask(server.port, { method: "GET", path: "/kosync/healthcheck" })).status).toBe(200);
    expect((await ask(server.port, { method: "GET", path: "/healthcheck" })).status).toBe(404);
  });

  test("says of a taken port that it is taken", async () => {
    const { server } = await start();
    await expect(startServer({ port: server.port })).rejects.toMatchObject({
      kind: "PortTaken",
      data: { host: "127.0.0.1", port: server.port },
    });
  });

  test("says of a store that cannot be opened why", async () => {
    await expect(startServer({ port: 0, data: "/dev/null/x" })).rejects.toMatchObject({ kind: "StoreUnavailable" });
    await expect(startServer({ port: 0, redis: "redis://127.0.0.1:1/1" })).rejects.toMatchObject({
      kind: "StoreUnavailable",
    });
  });

  test("keeps everything over a restart, its answers in the middle of being stopped included", async () => {
    const { server, options } = await start({}, "sqlite");
    await register(server.port, "ann");
    const headers = login("ann");
    const writes = Array.from({ length: 40 }, (_, index) =>
      ask(server.port, {
        method: "PUT",
        path: "/syncs/progress",
        headers,
        body: JSON.stringify({ ...POSITION, document: `d${index}` }),
      }).then(
        ({ status }) => ({ index, status }),
        () => ({ index, status: 0 }),
      ),
    );
    await Promise.race(writes);
    await server.stop();
    const answered = (await Promise.all(writes)).filter(({ status }) => status === 200);
    expect(answered.length).toBeGreaterThan(0);
    const again = await startServer(options);
    undo.push(() => again.stop());
    const reads = await Promise.all(
      answered.map(({ index }) =>
        ask(again.port, { method: "GET", path: `/syncs/progress/d${index}`, headers: login("ann") }),
      ),
    );
    expect(reads.map(({ json }) => json)).toEqual(
      answered.map(({ index }) => expect.objectContaining({ document: `d${index}` })),
    );
  });

  test("stops although an idle connection is held open", async () => {
    const serving = await serve("memory");
    const socket = connect(serving.server.port, "127.0.0.1");
    const gone = new Promise((resolve) => socket.once("close", resolve));
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.write("GET /healthcheck HTTP/1.1\r\nhost: x\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    await expect(serving.close()).resolves.toBeUndefined();
    await gone;
  });

  test("speaks https with its own certificate", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kosync-tls-"));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    const make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    execFileSync("openssl", [...make, ...name, "-keyout", key, "-out", cert], { stdio: "ignore" });
    const tls = { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
    const { server } = await start({ tls });
    expect(server.url).toMatch(/^https:/);
    const status = await new Promise((resolve, reject) => {
      request(`${server.url}/healthcheck`, { ca: tls.cert, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(200);
  });

  test("counts for Prometheus when it is wanted, without a name or a document", async () => {
    const { server } = await start({ metrics: true });
    await register(server.port, "ann");
    await auth(server.port, login("ann", "wrong"));
    await ask(server.port, { method: "GET", path: "/syncs/progress/secret-book", headers: login("ann") });
    const { text, headers } = await ask(server.port, { method: "GET", path: "/metrics" });
    expect(headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toContain('kosync_requests_total{method="GET",route="/syncs/progress/:document",status="200"} 1');
    expect(text).toContain('kosync_refused_keys_total{limited="false"} 1');
    expect(text).toMatch(/^kosync_request_duration_seconds_count 3$/m);
    expect(text).not.toMatch(/ann|secret-book/);
    for (const line of text.trimEnd().split("\n"))
      expect(line).toMatch(/^(?:# (?:HELP|TYPE) \w+ .+|\w+(?:\{.*\})? [\d.e+-]+)$/);
  });

  test("has no metrics unless they are wanted", async () => {
    const { server } = await start();
    expect((await ask(server.port, { method: "GET", path: "/metrics" })).status).toBe(404);
  });

  test("logs one JSON object a line, and in none a name, a key, a document or a password", async () => {
    const lines: string[] = [];
    const { server } = await start({ log: createLog("debug", (line) => lines.push(line)) });
    const secrets = ["Nameless", "the-key", "the-document", "the-password"];
    const headers = { "x-auth-user": "Nameless", "x-auth-key": "the-key" };
    const body = JSON.stringify({ username: "Nameless", password: "the-key" });
    await ask(server.port, { method: "POST", path: "/users/create", body });
    await ask(server.port, { method: "GET", path: "/syncs/progress/the-document", headers });
    await ask(server.port, { method: "GET", path: "/the-document?the-key", headers });
    await auth(server.port, { ...headers, "x-auth-key": "the-password" });
    await ask(server.port, { method: "POST", path: "/page/sign-in", body: "username=Nameless&password=the-password" });
    const events = lines.map((line): unknown => JSON.parse(line));
    expect(events).toContainEqual(
      expect.objectContaining({ level: "info", event: "request", method: "POST", route: "/users/create", status: 201 }),
    );
    expect(events).toContainEqual(expect.objectContaining({ event: "key_refused", address: "127.0.0.1" }));
    for (const secret of secrets) expect(lines.join("")).not.toContain(secret);
  });

  test("answers 502 when its store fails, says why in the log and nothing of it to the client", async () => {
    const lines: string[] = [];
    const { server } = await start({ log: createLog("error", (line) => lines.push(line)) });
    server.store.check = () => Promise.reject(new Error("disk on fire"));
    const answer = await ask(server.port, { method: "GET", path: "/healthcheck" });
    expect(answer).toMatchObject({ status: 502, json: { code: 2000, message: "Unknown server error." } });
    expect(lines.join("")).toContain("disk on fire");
  });
});

test("a listing while a position is still being written tells a time from which that one is found", async () => {
  const memory = createMemoryStore();
  let hold = Promise.resolve();
  let now = 1_700_000_000;
  const written: string[] = [];
  const write: Store["write"] = async (...args) => {
    written.push("begun");
    await hold;
    return memory.write(...args);
  };
  const app = createServer({ registration: "open", store: { ...memory, write }, clock: () => now, scryptCost: CHEAP });
  undo.push(() => app.close());
  await app.listen({ port: 0, host: "127.0.0.1" });
  const address = app.server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  await register(port, "ann");
  const headers = login("ann");
  const list = (since: number): Promise<Answer> =>
    ask(port, { method: "GET", path: `/koreader-progress/v1/documents?since=${since}`, headers });
  // At the first nobody is remembered yet.
  for (const document of ["a", "b"]) {
    const held = Promise.withResolvers<void>();
    undo.push(held.resolve);
    hold = held.promise;
    const body = JSON.stringify({ ...POSITION, document });
    const begun = written.length;
    const writing = ask(port, { method: "PUT", path: "/syncs/progress", headers, body });
    await vi.waitFor(() => expect(written.length).toBeGreaterThan(begun));
    now += 3;
    const { json } = await list(now - 3);
    expect(json).toMatchObject({ documents: [], now: now - 3 });
    held.resolve();
    expect((await writing).status).toBe(200);
    expect((await list(now - 3)).json).toMatchObject({ documents: [{ document }], now });
  }
});
