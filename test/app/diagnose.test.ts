import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { diagnose } from "../../src/app/diagnose.ts";
import { compose, startServer } from "../../src/compose.ts";
import type { Account } from "../../src/model/account.ts";
import type { KnownDigest } from "../../src/model/digest.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { accountOf } from "../support/models.ts";

const KEY = createHash("md5").update("pw").digest("hex");
let server: RunningServer;
let account: Account;

beforeAll(async () => {
  server = await startServer({ port: 0, registration: "open" });
  account = accountOf({ url: server.url, userkey: KEY });
  const outside = await compose({ cache_folder: null });
  const client = await outside.openClient(account);
  await client.register();
  await client.close();
});

afterAll(() => server.stop());

async function diagnosisOf(changed: Partial<Account>, digests: readonly KnownDigest[] = []) {
  const outside = await compose({ cache_folder: null });
  return diagnose({ account: { ...account, ...changed }, digests }, outside, new AbortController().signal);
}

test("a good account passes each step at the address that really answers", async () => {
  const { url, checks } = await diagnosisOf({ url: `${server.url}/users/auth` });
  expect(url).toBe(server.url);
  expect(checks.slice(0, 3).map(({ name, ok }) => [name, ok])).toEqual([
    ["find_server", true],
    ["log_in", true],
    ["ask", true],
  ]);
});

test("a wrong password stops at the login, by name", async () => {
  const { checks } = await diagnosisOf({ userkey: "wrong" });
  expect(checks.map(({ name, ok, error }) => [name, ok, error?.name ?? null])).toEqual([
    ["find_server", true, null],
    ["log_in", false, "Unauthorized"],
  ]);
});

test("a server that is down stops at the first step", async () => {
  const { url, checks } = await diagnosisOf({ url: "http://127.0.0.1:9" });
  expect(url).toBeNull();
  expect(checks).toMatchObject([{ name: "find_server", ok: false, error: { name: "ServerUnreachable" } }]);
});

test("no key is told", async () => {
  expect(JSON.stringify(await diagnosisOf({ userkey: "SECRET" }))).not.toContain("SECRET");
});

test("a server that is found elsewhere than typed is told, and no key goes there", async () => {
  const { url, checks } = await diagnosisOf({ url: server.url.replace("http://", "") });
  expect(url).toBeNull();
  expect(checks).toMatchObject([
    { name: "find_server", ok: false, error: { name: "OtherAddress", data: { found: server.url } } },
  ]);
});
