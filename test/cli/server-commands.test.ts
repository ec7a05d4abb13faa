import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { userkeyOf } from "../../src/core/md5.ts";
import { startChild } from "../server/support/child.ts";
import { startRedis } from "../server/support/redis.ts";
import { ask } from "../server/support/serving.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kosync-cli-"));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a system or a runtime says, and no reader understands. */
const RAW = / {4}at |\bE[A-Z]{4,}\b|syscall|operation on/;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function command(args: readonly string[], input = "", env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn(process.execPath, ["src/cli/main.ts", ...args], { env: { ...process.env, ...env } });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, out, err })));
}

const login = (username: string, password: string): Record<string, string> => ({
  "x-auth-user": username,
  "x-auth-key": userkeyOf(password),
});

const authorize = async (port: number, username: string, password: string): Promise<number> =>
  (await ask(port, { method: "GET", path: "/users/auth", headers: login(username, password) })).status;

describe("serve", () => {
  test("prints its URL, keeps what it is told in --data, and ends with 0 on SIGTERM", async () => {
    const data = newFolder();
    const first = await startChild(["--data", data]);
    const body = JSON.stringify({ username: "ann", password: userkeyOf("pw") });
    await ask(first.port, { method: "POST", path: "/users/create", body });
    expect(await first.end("SIGTERM")).toBe(0);
    const second = await startChild(["--data", data]);
    expect(await authorize(second.port, "ann", "pw")).toBe(200);
    expect(await second.end("SIGINT")).toBe(0);
  });

  test("takes its options from the environment too", async () => {
    const env = {
      KOREADER_PROGRESS_DATA: newFolder(),
      KOREADER_PROGRESS_REGISTRATION: "closed",
      KOREADER_PROGRESS_BASE_PATH: "/kosync/",
      KOREADER_PROGRESS_METRICS: "1",
      KOREADER_PROGRESS_NO_PAGE: "1",
    };
    const server = await startChild([], env);
    const status = async (method: string, path: string): Promise<number> =>
      (await ask(server.port, { method, path, body: '{"username":"a","password":"b"}' })).status;
    expect(await status("GET", "/kosync/healthcheck")).toBe(200);
    expect(await status("POST", "/kosync/users/create")).toBe(402);
    expect(await status("GET", "/kosync/metrics")).toBe(200);
    expect(await status("GET", "/kosync/")).toBe(404);
    await server.end("SIGTERM");
  });

  test.each([
    ["a port that is none", ["--port", "123456"], "--port"],
    ["a registration that is none", ["--registration", "maybe"], "--registration"],
    ["pages of something that is no origin", ["--cors", "reader.example/app"], "--cors"],
    ["a certificate without its key", ["--tls-cert", "x"], "--tls-key"],
    ["a certificate that is not there", ["--tls-cert", "/nowhere", "--tls-key", "/nowhere"], "/nowhere"],
    ["a key that is none", ["--tls-cert", "package.json", "--tls-key", "package.json"], "package.json"],
    ["a proxy that is no address", ["--trust-proxy", "nonsense"], "--trust-proxy"],
    ["an address of another machine", ["--host", "192.0.2.1", "--port", "0"], "no such address"],
    ["a base path that is no path", ["--base-path", "kosync"], "--base-path"],
    ["a Redis that is not there", ["--redis", "redis://127.0.0.1:1"], "store"],
    ["a folder where none can be made", ["--data", "/proc/nowhere/at/all"], "store"],
    ["a folder below a file", ["--data", "package.json/data"], "store"],
    ["an option that is none", ["--nonsense"], "--nonsense"],
  ])("ends with 2 and one sentence for %s", async (_what, args, word) => {
    const { code, out, err } = await command(["serve", ...args]);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(word);
    expect(
      err
        .trimEnd()
        .split("\n")
        .filter((line) => !line.startsWith("{")),
    ).toHaveLength(1);
    expect(err).not.toMatch(RAW);
  });

  test.each([
    ["0.0.0.0", /^http:\/\/\d+\.\d+\.\d+\.\d+:\d+$/],
    ["::", /^http:\/\/(?:\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):\d+$/],
  ])("on %s prints addresses that answer, and that a reader can use", async (host, form) => {
    const child = spawn(process.execPath, ["src/cli/main.ts", "serve", "--port", "0", "--log", "off", "--host", host]);
    undo.push(() => child.kill("SIGKILL"));
    const text = await new Promise<string>((resolve) => {
      child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString()));
    });
    const urls = text.trimEnd().split("\n");
    for (const url of urls) {
      expect(url).toMatch(form);
      expect(url).not.toMatch(/0\.0\.0\.0|\[::\]|\[fe80/);
      expect((await fetch(`${url}/healthcheck`)).status).toBe(200);
    }
    // Its own loopback is of use to nobody else; a machine without a network has no other.
    expect(urls.length === 1 || !/127\.|\[::1\]/.test(text)).toBe(true);
  });

  test("lets pages of other servers read positions unless it is told not to", async () => {
    const statuses: number[] = [];
    for (const args of [[], ["--cors", "https://reader.example"], ["--cors", "off"]]) {
      const server = await startChild(args);
      const headers = { origin: "https://reader.example", "access-control-request-method": "GET" };
      statuses.push((await ask(server.port, { method: "OPTIONS", path: "/users/auth", headers })).status);
      await server.end("SIGTERM");
    }
    expect(statuses).toEqual([204, 204, 403]);
  });

  test("ends with 2 and says so when its port is taken", async () => {
    const server = await startChild([]);
    const { code, err } = await command(["serve", "--port", String(server.port)]);
    await server.end("SIGTERM");
    expect(code).toBe(2);
    expect(err).toContain(`Port ${server.port} on 127.0.0.1 is taken`);
  });
});

test("user adds, lists, changes and deletes accounts under a running server, which notices at once", async () => {
  const data = newFolder();
  const server = await startChild(["--data", data, "--registration", "closed"]);
  undo.push(() => server.end("SIGTERM"));
  const user = (...args: string[]): Promise<Ended> => command(["user", ...args, "--data", data], "pw\n");
  expect(await user("add", "ann")).toMatchObject({ code: 0, out: "", err: "" });
  expect(await authorize(server.port, "ann", "pw")).toBe(200);
  expect(await user("add", "ann")).toMatchObject({ code: 1, err: 'user: "ann" is taken.\n' });
  expect(await user("add", "Zoë")).toMatchObject({ code: 0 });
  expect(await user("add", "eve\n")).toMatchObject({ code: 2, err: expect.stringContaining("control characters") });
  const empty = await command(["user", "add", "eve", "--data", data], "\n");
  expect(empty).toMatchObject({ code: 2, err: "user: a password cannot be empty.\n" });
  expect((await command(["user", "passwd", "ann", "--data", data], "")).code).toBe(2);
  expect(await user("list")).toMatchObject({ code: 0, out: "Zoë\nann\n" });
  expect(await user("list", "--json")).toMatchObject({ out: '["Zoë","ann"]\n' });
  expect(await command(["user", "passwd", "ann", "--data", data], "new")).toMatchObject({ code: 0 });
  expect([await authorize(server.port, "ann", "pw"), await authorize(server.port, "ann", "new")]).toEqual([401, 200]);
  expect(await user("delete", "ann")).toMatchObject({ code: 0 });
  expect(await authorize(server.port, "ann", "new")).toBe(401);
  expect((await user("delete", "ann")).code).toBe(1);
  expect((await user("passwd", "ann")).code).toBe(1);
});

test.each([
  ["a backup that is not there", ["restore", "/nowhere/b.jsonl", "--data"]],
  ["a folder for a backup", ["restore", "docs", "--data"]],
  ["a place for a backup that is not there", ["backup", "/nowhere/b.jsonl", "--data"]],
  ["a backup below a file", ["backup", "package.json/b.jsonl", "--data"]],
])("%s is told in one sentence, and named once", async (_what, [name = "", path = "", option = ""]) => {
  const { code, out, err } = await command([name, path, option, newFolder()]);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err.trimEnd().split("\n")).toHaveLength(1);
  expect(err.split(path)).toHaveLength(2);
  expect(err).not.toMatch(RAW);
});

test("restoring what is not there makes no folder for it", async () => {
  const data = join(newFolder(), "data");
  await command(["restore", "/nowhere/b.jsonl", "--data", data]);
  expect(existsSync(data)).toBe(false);
});

test.each([
  ["user"],
  ["user", "add"],
  ["user", "list", "ann"],
  ["user", "forget", "ann"],
  ["user", "add", "a:b", "--data", "/nowhere"],
  ["user", "list"],
  ["backup"],
  ["backup", "file"],
  ["restore"],
  ["import"],
  ["import", "--from-redis", "redis://a", "--from-data", "b"],
])("%s %s %s %s %s ends with 2 and says what it needs", async (...args) => {
  const { code, err } = await command(args.filter((arg) => typeof arg === "string"));
  expect(code).toBe(2);
  expect(err.trim().split("\n")).toHaveLength(1);
});

test("a backup of a running server goes back whole, into Redis and from there into a new file", async () => {
  const [data, other] = [newFolder(), newFolder()];
  const file = join(newFolder(), "backup.jsonl");
  const server = await startChild(["--data", data]);
  await command(["user", "add", "ann", "--data", data], "pw");
  const position = { document: "a", progress: "/body", percentage: 0.5, device: "Kobo", metadata: { title: "T" } };
  const put = { method: "PUT", path: "/syncs/progress", headers: login("ann", "pw"), body: JSON.stringify(position) };
  await ask(server.port, put);
  await ask(server.port, put);
  expect(await command(["backup", file, "--data", data])).toMatchObject({ code: 0 });
  await server.end("SIGTERM");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await command(["backup", file, "--data", data])).toMatchObject({
    code: 2,
    err: expect.stringContaining("there already"),
  });

  const redis = await startRedis();
  undo.push(() => redis.stop());
  expect(await command(["restore", file, "--redis", redis.url])).toMatchObject({
    code: 0,
    out: "Restored 1 users and 1 documents.\n",
  });
  expect(await command(["import", "--from-redis", redis.url, "--data", other])).toMatchObject({
    code: 0,
    out: "Imported 1 users and 1 documents.\n",
  });
  const again = await startChild(["--data", other]);
  undo.push(() => again.end("SIGTERM"));
  const path = "/koreader-progress/v1/documents/a/history";
  const { json } = await ask(again.port, { method: "GET", path, headers: login("ann", "pw") });
  expect(json).toMatchObject({ history: [{ progress: "/body" }, { progress: "/body" }] });
});

test("accounts of KOReader's own server are taken over with their keys hashed", async () => {
  const redis = await startRedis();
  undo.push(() => redis.stop());
  const reference = await startChild(["--redis", redis.url]);
  const key = userkeyOf("pw");
  await ask(reference.port, {
    method: "POST",
    path: "/users/create",
    body: JSON.stringify({ username: "ann", password: key }),
  });
  await reference.end("SIGTERM");
  const data = newFolder();
  expect((await command(["import", "--from-redis", redis.url, "--data", data])).code).toBe(0);
  const file = join(data, "copy.jsonl");
  await command(["backup", file, "--data", data]);
  expect(readFileSync(file, "utf8")).toContain('"credential":"scrypt$');
  expect(readFileSync(file, "utf8")).not.toContain(key);
  const server = await startChild(["--data", data]);
  undo.push(() => server.end("SIGTERM"));
  expect(await authorize(server.port, "ann", "pw")).toBe(200);
});

test.each([
  ["no JSON", '{"kind":"koreader-progress","version":1}\nnonsense\n', "Line 2"],
  ["another shape", '{"kind":"user","username":""}\n', "Line 1"],
  ["a later version", '{"kind":"koreader-progress","version":2}\n', "newer version"],
])("restore stops at a line that is %s, and names it", async (_what, text, word) => {
  const folder = newFolder();
  const file = join(folder, "broken.jsonl");
  writeFileSync(file, text);
  const { code, err } = await command(["restore", file, "--data", folder]);
  expect(code).toBe(1);
  expect(err).toContain(word);
});

test("restore of a file that is not there ends with 2", async () => {
  expect((await command(["restore", "/nowhere", "--data", newFolder()])).code).toBe(2);
});

describe("what is in deploy/", () => {
  test("names only options that serve has", async () => {
    const { out: help } = await command(["serve", "--help"]);
    const options = new Set([...help.matchAll(/--([a-z-]+)/g)].map(([, name]) => name));
    const files = ["Dockerfile", "compose.yaml", "koreader-progress.service"].map((name) =>
      readFileSync(`deploy/${name}`, "utf8"),
    );
    const variables = files.flatMap((text) =>
      [...text.matchAll(/KOREADER_PROGRESS_([A-Z_]+)/g)].map(([, name = ""]) => name),
    );
    const named = variables.map((name) => name.toLowerCase().replaceAll("_", "-"));
    const started = /^ExecStart=.* serve (.*)$/m.exec(files[2] ?? "")?.[1] ?? "";
    named.push(...[...started.matchAll(/--([a-z-]+)/g)].map(([, name = ""]) => name));
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((name) => !options.has(name))).toEqual([]);
  });
});

describe("a folder that is not there", () => {
  test.each([
    ["backup", ["backup", "FILE", "--data", "FOLDER"]],
    ["import", ["import", "--from-data", "FOLDER", "--data", "OTHER"]],
    ["user", ["user", "list", "--data", "FOLDER"]],
    ["user", ["user", "delete", "ann", "--data", "FOLDER"]],
  ])("is said by %s, and none is made of it: %j", async (name, args) => {
    const data = newFolder();
    const missing = join(data, "missing");
    const places: Record<string, string> = { FILE: join(data, "file"), FOLDER: missing, OTHER: join(data, "other") };
    const ended = await command(args.map((arg) => places[arg] ?? arg));
    expect(ended).toEqual({ code: 2, out: "", err: `${name}: ${missing} does not exist.\n` });
    expect(existsSync(missing)).toBe(false);
  });
});
