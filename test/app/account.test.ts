import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { authorizeAccount, registerAccount } from "../../src/app/account.ts";
import { findServer, openKosyncClient, startServer } from "../../src/compose.ts";
import { createCertificates } from "../support/certificates.ts";
import { accountOn, json, startOddServer } from "../support/odd-server.ts";
import type { OddServer } from "../support/odd-server.ts";

const ports = { findServer, openClient: openKosyncClient };

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-account-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const make = createCertificates(folder);
const own = make.selfSigned("own");

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** The project's own server. */
async function serve(basePath = "", registration: "open" | "closed" = "open"): Promise<string> {
  const server = await startServer({ port: 0, basePath, registration, scryptCost: { N: 16, r: 1, p: 1 } });
  open.push(() => server.stop());
  return `127.0.0.1:${server.port}`;
}

async function odd(...args: Parameters<typeof startOddServer>): Promise<OddServer> {
  const server = await startOddServer(...args);
  open.push(() => server.close());
  return server;
}

describe("an account on our own server", () => {
  test("is registered once, and then logs in", async () => {
    const account = accountOn(`http://${await serve()}`);
    expect(await registerAccount(account, ports)).toEqual({ url: account.url, username: "reader" });
    expect(await authorizeAccount(account, ports)).toEqual({ url: account.url, username: "reader" });
    await expect(registerAccount(account, ports)).rejects.toMatchObject({ kind: "UsernameTaken" });
    await expect(authorizeAccount({ ...account, userkey: "0".repeat(32) }, ports)).rejects.toMatchObject({
      kind: "Unauthorized",
      data: { url: account.url, username: "reader" },
    });
  });

  test("a closed registration says so", async () => {
    const account = accountOn(`http://${await serve("", "closed")}`);
    await expect(registerAccount(account, ports)).rejects.toMatchObject({ kind: "RegistrationClosed" });
  });

  test.each<[string, string, (host: string) => string]>([
    ["without a scheme", "", (host) => host],
    ["with a trailing slash", "", (host) => `http://${host}/`],
    ["with the address of the login", "", (host) => `http://${host}/users/auth`],
    ["with the address of a record", "/kosync", (host) => `${host}/kosync/syncs/progress/abc`],
    ["without the prefix /kosync", "/kosync", (host) => `http://${host}`],
    ["without the prefix /api/koreader", "/api/koreader", (host) => host],
    [
      "with the web pages' path instead of the prefix",
      "/calibre/kosync",
      (host) => `http://${host}/calibre/opds?page=2`,
    ],
    ["with spaces and brackets", "/kosync", (host) => ` <http://${host}/kosync/> `],
  ])("%s", async (_name, basePath, paste) => {
    const host = await serve(basePath);
    expect(await registerAccount(accountOn(paste(host)), ports)).toEqual({
      url: `http://${host}${basePath}`,
      username: "reader",
    });
  });

  test("with https where only http is spoken is not turned into http", async () => {
    const failed = registerAccount(accountOn(`https://${await serve()}`), ports);
    await expect(failed).rejects.toMatchObject({ kind: "ServerUnreachable", data: { cause: "tls" } });
  });
});

describe("an address that is not a server's", () => {
  test("a web site", async () => {
    const { url } = await odd((response) => {
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<!doctype html><title>Books</title>");
    });
    await expect(authorizeAccount(accountOn(url), ports)).rejects.toMatchObject({
      kind: "NotKosyncServer",
      data: { url, content_type: "text/html" },
    });
  });

  test("a closed port", async () => {
    const gone = await odd(() => undefined);
    await gone.close();
    await expect(authorizeAccount(accountOn(gone.url), ports)).rejects.toMatchObject({
      kind: "ServerUnreachable",
      data: { url: gone.url, cause: "refused" },
    });
  });

  test("no address at all, and a login inside it is not shown", async () => {
    await expect(authorizeAccount(accountOn("ftp://me:secret@books.example"), ports)).rejects.toMatchObject({
      kind: "ServerUnreachable",
      data: { url: "ftp://books.example", cause: "bad_url" },
    });
  });

  test("a search can be cancelled", async () => {
    const cancel = new AbortController();
    const { url } = await odd(() => cancel.abort());
    await expect(authorizeAccount(accountOn(url), ports, cancel.signal)).rejects.toMatchObject({ kind: "Cancelled" });
  });
});

describe("a server behind something", () => {
  test("a redirect from http to https, to another port and a prefix: the address found is the last one", async () => {
    const secure = await odd((response, { path, headers }) => {
      if (path !== "/kosync/users/auth") json(response, 404, {});
      else if (headers["x-auth-key"] === undefined) json(response, 401, { code: 2001, message: "Unauthorized" });
      else json(response, 200, { authorized: "OK" });
    }, own);
    const plain = await odd((response, { path }) =>
      response.writeHead(301, { location: `${secure.url}/kosync${path}` }).end(),
    );
    const account = accountOn(plain.url, { tls: { mode: "fingerprint", sha256: own.sha256 } });
    expect(await authorizeAccount(account, ports)).toEqual({ url: `${secure.url}/kosync`, username: "reader" });
  });

  test("a self-signed certificate: refused with the address found and the fingerprint; trusted, it logs in", async () => {
    const server = await odd((response, { path, headers }) => {
      if (!path.startsWith("/kosync/")) json(response, 404, {});
      else if (headers["x-auth-key"] === undefined) json(response, 401, { code: 2001, message: "Unauthorized" });
      else json(response, 200, { authorized: "OK" });
    }, own);
    const pasted = accountOn(`127.0.0.1:${server.port}`, { headers: { "x-token": "for-nobody-else" } });
    const failed = authorizeAccount(pasted, ports);
    await expect(failed).rejects.toMatchObject({
      kind: "CertificateRefused",
      data: { url: `${server.url}/kosync`, fingerprint: own.sha256, reason: "self_signed" },
    });
    expect(server.heard.filter(({ headers }) => "x-token" in headers || "x-auth-key" in headers)).toEqual([]);
    const trusting = { ...pasted, tls: { mode: "fingerprint", sha256: own.sha256 } as const };
    expect(await authorizeAccount(trusting, ports)).toEqual({ url: `${server.url}/kosync`, username: "reader" });
  });

  test("a protecting proxy gets the extra headers and the login inside the address; another host gets neither", async () => {
    const elsewhere = await odd((response) => json(response, 401, { code: 2001 }));
    const server = await odd((response, { path, headers }) => {
      if (headers["x-token"] !== "let-me-in" || headers.authorization === undefined) {
        response.writeHead(401, { "content-type": "text/html" }).end("<html>");
      } else if (path.startsWith("/kosync")) json(response, 401, { code: 2001, message: "Unauthorized" });
      else response.writeHead(302, { location: `http://localhost:${elsewhere.port}/x` }).end();
    });
    const pasted = server.url.replace("//", "//door:open%20it@");
    const account = accountOn(pasted, { headers: { "x-token": "let-me-in" } });
    await expect(authorizeAccount(account, ports)).rejects.toMatchObject({
      kind: "Unauthorized",
      data: { url: `${server.url}/kosync` },
    });
    expect(server.heard.at(-1)?.headers.authorization).toBe(`Basic ${Buffer.from("door:open it").toString("base64")}`);
    expect(elsewhere.heard.length).toBeGreaterThan(0);
    for (const { headers } of elsewhere.heard) {
      expect(headers).not.toHaveProperty("x-token");
      expect(headers).not.toHaveProperty("authorization");
    }
  });

  test("the search itself sends neither name nor key", async () => {
    const server = await odd((response) => json(response, 404, {}));
    await expect(authorizeAccount(accountOn(server.url), ports)).rejects.toMatchObject({ kind: "NotKosyncServer" });
    expect(server.heard.length).toBeGreaterThan(1);
    for (const { headers } of server.heard) expect(Object.keys(headers).join()).not.toMatch(/x-auth/);
  });

  test("a server without a healthcheck and with codes of its own is found by wanting a login", async () => {
    const server = await odd((response, { path, headers }) => {
      if (path !== "/koreader/users/auth") response.writeHead(404).end();
      else if (headers["x-auth-key"] === undefined) json(response, 401, { error: "login required" });
      else json(response, 200, { username: "reader" });
    });
    expect((await authorizeAccount(accountOn(server.url), ports)).url).toBe(`${server.url}/koreader`);
  });
});
