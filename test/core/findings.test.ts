import { expect, test } from "vitest";
import { NOTHING_HEARD, findingsOf, type Looked } from "../../src/core/findings.ts";
import type { Check } from "../../src/model/diagnosis.ts";
import type { KnownDigest } from "../../src/model/digest.ts";
import { accountOf } from "../support/models.ts";

const SECRETS = ["anna", "sync.anywhere.example", "KEY", "cookie"];
const account = accountOf({
  url: "https://sync.anywhere.example/koreader",
  username: "anna",
  userkey: "KEY",
  headers: { cookie: "cookie" },
});

const passed = (...names: Check["name"][]): Check[] => names.map((name) => ({ name, ok: true, took: 5, error: null }));
const failed = (name: Check["name"], error: string, data: Record<string, string | number | null> = {}): Check => ({
  name,
  ok: false,
  took: 5,
  error: { name: error, data: { url: "https://sync.anywhere.example", username: "anna", ...data } },
});

function told(given: Partial<Looked>): string[] {
  const looked = { account, url: account.url, checks: passed("find_server", "log_in"), heard: NOTHING_HEARD, ...given };
  const findings = findingsOf(looked);
  for (const secret of SECRETS) expect(JSON.stringify(findings)).not.toContain(secret);
  return findings.map(({ about, level }) => `${about} ${level}`);
}

const known = (digest: string, kind: KnownDigest["kind"]): KnownDigest => ({
  digest,
  kind,
  source: "sent",
  format: "EPUB",
  name: null,
  size: null,
  content_key: null,
  device: null,
  first_seen: 0,
  last_seen: 0,
  answered: null,
});

test("a good server has its address, certificate, login and clock called good", () => {
  const heard = { ...NOTHING_HEARD, ahead: 3, documents: 12 };
  expect(told({ heard })).toEqual(["address good", "certificate good", "login good", "clock good", "server good"]);
});

test.each([
  ["ServerUnreachable", { cause: "unknown_host" }, "address bad"],
  ["ServerUnreachable", { cause: "bad_url" }, "address bad"],
  ["ServerUnreachable", { cause: "proxy_login" }, "proxy bad"],
  ["CertificateRefused", { reason: "expired", fingerprint: "f" }, "certificate bad"],
  ["NotKosyncServer", {}, "address bad"],
  ["BehindLogin", { location: "https://sync.anywhere.example/login" }, "address bad"],
  ["OtherAddress", { found: "https://sync.anywhere.example" }, "address bad"],
  ["ServerRefused", { status: 502, message: "anna" }, "server bad"],
  ["ServerRefused", { status: 429, message: null }, "server bad"],
] as const)("%s %j is told as what it is, without anybody's name", (name, data, expected) => {
  expect(told({ url: null, checks: [failed("find_server", name, data)] })).toEqual([expected]);
});

test("a wrong password is the login's fault, at an address that is right", () => {
  const checks = [...passed("find_server"), failed("log_in", "Unauthorized")];
  expect(told({ checks })).toEqual(["address good", "certificate good", "login bad"]);
});

test.each([
  [-500, "bad"],
  [500, "bad"],
  [90, "good"],
])("a clock that is %d seconds ahead is %s", (ahead, level) => {
  expect(told({ heard: { ...NOTHING_HEARD, ahead } })).toContain(`clock ${level}`);
});

test.each([
  ["http://sync.anywhere.example", true],
  ["http://192.168.1.5:8080", false],
  ["http://127.0.0.1:8080", false],
  ["http://[::1]:8080", false],
  ["http://nas:8080", false],
  ["http://nas.local", false],
])("%s: an unencrypted way is noted only where others are on it", (url, isNoted) => {
  expect(told({ account: { ...account, url } }).includes("certificate note")).toBe(isNoted);
});

test.each([
  ["binary", [0.4, null]],
  ["filename", [null, 0.4]],
  ["both", [0.4, 0.4]],
] as const)("what answers tells the matching method: %s", (method, [binary, filename]) => {
  const asked = [
    { digest: known("a".repeat(32), "partial_md5"), percentage: binary },
    { digest: known("b".repeat(32), "filename"), percentage: filename },
  ];
  const findings = findingsOf({
    account,
    url: account.url,
    checks: passed("find_server", "log_in"),
    heard: { ...NOTHING_HEARD, asked },
  });
  expect(findings.find(({ about }) => about === "matching")?.says).toBe(`Documents are matched by: ${method}.`);
});

test("a book that the server does not know is a note with what to do", () => {
  const asked = [{ digest: known("a".repeat(32), "partial_md5"), percentage: null }];
  expect(told({ heard: { ...NOTHING_HEARD, asked } })).toContain("book note");
});
