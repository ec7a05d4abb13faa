/** A server of one's own inside the bridge: real sockets, a real database. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createHosting, type Hosting } from "../../src/app/hosting.ts";
import { hostingPorts, openKosyncClient } from "../../src/compose.ts";
import type { Account } from "../../src/model/account.ts";
import type { HostingOptions } from "../../src/model/hosting.ts";
import { accountOf } from "../support/models.ts";

const KEY = createHash("md5").update("pw").digest("hex");
let data: string;
let hosting: Hosting;
let options: HostingOptions;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "hosting-"));
  hosting = createHosting({ ...hostingPorts(), addresses: () => ["192.0.2.7"] });
  options = { host: "127.0.0.1", port: 0, data, registration: "closed", behind: null };
});

afterEach(async () => {
  await hosting.stop();
  rmSync(data, { recursive: true });
});

const accountAt = (url: string): Account => accountOf({ url, userkey: KEY });

test("a user added in calibre can sync, and finds the place again after a restart", async () => {
  expect(await hosting.changeUsers({ action: "add", data, username: "anna", userkey: KEY })).toEqual(["anna"]);
  const first = await hosting.start(options);
  const record = { document: "d", progress: "1", percentage: 0.5, device: "Kobo", device_id: "K" };
  const client = await openKosyncClient(accountAt(first.urls[0] ?? ""));
  await client.putProgress(record);
  await client.close();
  const second = await hosting.start(options);
  const again = await openKosyncClient(accountAt(second.urls[0] ?? ""));
  expect(await again.getProgress("d")).toMatchObject({ percentage: 0.5 });
  await again.close();
});

test("whoever waits for a reader hears of a wrong key, of the right one, and of the first place", async () => {
  await hosting.changeUsers({ action: "add", data, username: "anna", userkey: KEY });
  const heard: unknown[] = [];
  const { urls } = await hosting.start(options, {
    visit: (visit) => heard.push(visit),
    place: ({ device, percentage }) => heard.push({ device, percentage }),
  });
  for (const userkey of ["0".repeat(32), KEY]) {
    const client = await openKosyncClient({ ...accountAt(urls[0] ?? ""), userkey });
    await client.authorize().catch(() => undefined);
    await client.close();
  }
  const client = await openKosyncClient(accountAt(urls[0] ?? ""));
  await client.putProgress({ document: "d", progress: "1", percentage: 0.5, device: "Kobo", device_id: "K" });
  await client.close();
  expect(heard.slice(0, 2)).toEqual([
    { username: "anna", admitted: false },
    { username: "anna", admitted: true },
  ]);
  expect(heard.at(-1)).toEqual({ device: "Kobo", percentage: 0.5 });
});

test("nobody registers from outside while registration is closed", async () => {
  const { urls } = await hosting.start(options);
  const client = await openKosyncClient(accountAt(urls[0] ?? ""));
  await expect(client.register()).rejects.toMatchObject({ kind: "RegistrationClosed" });
  await client.close();
});

test("no page of another server is answered by the one in the window", async () => {
  const { urls } = await hosting.start({ ...options, registration: "open" });
  const body = JSON.stringify({ username: "evil", password: KEY });
  const headers = { origin: "https://evil.example", "content-type": "text/plain" };
  const register = await fetch(`${urls[0]}/users/create`, { method: "POST", headers, body });
  expect(register.status).toBe(403);
  expect((await fetch(`${urls[0]}/users/auth`, { headers })).status).toBe(403);
  expect(await hosting.changeUsers({ action: "list", data })).toEqual([]);
});

test.each(["a\nb", " anna", "anna ", "a:b", "x".repeat(257)])(
  "a name that no reader could log in with is refused: %j",
  async (username) => {
    await expect(hosting.changeUsers({ action: "add", data, username, userkey: KEY })).rejects.toMatchObject({
      kind: "ServerRefused",
    });
    expect(await hosting.changeUsers({ action: "list", data })).toEqual([]);
  },
);

test("users are changed while the server runs, and a name is taken once", async () => {
  const { urls } = await hosting.start(options);
  await hosting.changeUsers({ action: "add", data, username: "anna", userkey: KEY });
  await expect(hosting.changeUsers({ action: "add", data, username: "anna", userkey: KEY })).rejects.toMatchObject({
    kind: "UsernameTaken",
    data: { url: urls[0], username: "anna" },
  });
  expect(await hosting.changeUsers({ action: "delete", data, username: "anna" })).toEqual([]);
});

test("users are changed while devices go on writing, and everything that was answered is there afterwards", async () => {
  await hosting.changeUsers({ action: "add", data, username: "anna", userkey: KEY });
  const { urls } = await hosting.start(options);
  const client = await openKosyncClient(accountAt(urls[0] ?? ""));
  const changes = { areDone: false };
  const write = async (): Promise<number> => {
    let written = 0;
    while (!changes.areDone || written < 100) {
      await client.putProgress({
        document: `d${written}`,
        progress: "1",
        percentage: 0.5,
        device: "Kobo",
        device_id: "K",
      });
      written += 1;
    }
    return written;
  };
  const writing = write();
  for (const username of ["bert", "cleo"]) {
    await hosting.changeUsers({ action: "add", data, username, userkey: KEY });
    await hosting.changeUsers({ action: "password", data, username, userkey: KEY });
  }
  expect(await hosting.changeUsers({ action: "delete", data, username: "bert" })).toEqual(["anna", "cleo"]);
  changes.areDone = true;
  const written = await writing;
  await client.close();
  await hosting.stop();
  const db = new DatabaseSync(join(data, "kosync.sqlite"));
  const count = db.prepare("SELECT count(*) AS count FROM documents").get();
  const sound = db.prepare("PRAGMA integrity_check").get();
  db.close();
  expect(count).toEqual({ count: written });
  expect(sound).toEqual({ integrity_check: "ok" });
});

test("users are changed before a server begins or ends, or after, and never meanwhile", async () => {
  const ports = hostingPorts();
  const events: string[] = [];
  hosting = createHosting({
    ...ports,
    async serve(how, onPlace) {
      events.push("serve");
      const server = await ports.serve(how, onPlace);
      events.push("served");
      const stop = async (): Promise<void> => {
        events.push("stop");
        await server.stop();
        events.push("stopped");
      };
      return { host: server.host, port: server.port, stop };
    },
    async openUsers(folder) {
      events.push("open");
      const users = await ports.openUsers(folder);
      const close = async (): Promise<void> => {
        await users.close();
        events.push("closed");
      };
      return { ...users, close };
    },
  });
  const change = { action: "add", data, username: "anna", userkey: KEY } as const;
  const [, , users] = await Promise.all([
    hosting.start(options),
    hosting.changeUsers(change),
    hosting.changeUsers({ action: "list", data }),
    hosting.start(options),
  ]);
  expect(users).toEqual(["anna"]);
  const changed = ["open", "closed"];
  expect(events).toEqual(["serve", "served", ...changed, ...changed, "stop", "stopped", "serve", "served"]);
});

test("a change that cannot be made says where, with a server or without", async () => {
  const change = { action: "password", data, username: "nobody", userkey: KEY } as const;
  const kind = "Unauthorized";
  await expect(hosting.changeUsers(change)).rejects.toMatchObject({ kind, data: { url: data, username: "nobody" } });
  const { urls } = await hosting.start(options);
  await expect(hosting.changeUsers(change)).rejects.toMatchObject({ kind, data: { url: urls[0], username: "nobody" } });
});

test("two starts at once leave one server, and the end leaves none", async () => {
  const started = await Promise.all([hosting.start(options), hosting.start(options)]);
  expect(started.map(({ running }) => running)).toEqual([true, true]);
  const stopping = [hosting.stop(), hosting.start(options), hosting.stop()];
  await Promise.all(stopping);
  expect(hosting.status().running).toBe(false);
  for (const { port } of started) {
    await expect(fetch(`http://127.0.0.1:${port}/healthcheck`)).rejects.toThrow("fetch failed");
  }
});

test("a taken port is said plainly, and nothing runs", async () => {
  const { port } = await hosting.start(options);
  const other = createHosting(hostingPorts());
  await expect(other.start({ ...options, port: port ?? 0 })).rejects.toMatchObject({
    kind: "PortTaken",
    data: { port },
  });
  expect(other.status()).toEqual({ running: false, port: null, urls: [] });
});

test("for the whole home, the network's address comes first", async () => {
  const { urls, port } = await hosting.start({ ...options, host: "0.0.0.0" });
  expect(urls).toEqual([`http://192.0.2.7:${port}`, `http://127.0.0.1:${port}`]);
  expect(await hosting.stop()).toEqual({ running: false, port: null, urls: [] });
});
