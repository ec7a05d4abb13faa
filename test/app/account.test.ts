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
    expect(await registerAccount(account, ports)).toEqual({ url: account.url, username: "reader", shown: true });
    expect(await authorizeAccount(account, ports)).toEqual({ url: account.url, username: "reader", shown: true });
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
    ["with a trailing slash", "", (host) => `http://${host}/`],
    ["with the address of the login", "", (host) => `http://${host}/users/auth`],
    ["with the address of a record", "/kosync", (host) => `http://${host}/kosync/syncs/progress/abc`],
    ["with spaces and brackets", "/kosync", (host) => ` <http://${host}/kosync/> `],
  ])("%s it is the address that was typed", async (_name, basePath, paste) => {
    const host = await serve(basePath);
    expect(await registerAccount(accountOn(paste(host)), ports)).toEqual({
      url: `http://${host}${basePath}`,
      username: "reader",
      shown: true,
    });
  });

  test.each<[string, string, (host: string) => string]>([
    ["without a scheme, where only http is spoken", "", (host) => host],
    ["without the prefix /kosync", "/kosync", (host) => `http://${host}`],
    ["without the prefix /api/koreader", "/api/koreader", (host) => host],
    [
      "with the web pages' path instead of the prefix",
      "/calibre/kosync",
      (host) => `http://${host}/calibre/opds?page=2`,
    ],
  ])(
    "%s the right address is proposed, and the key waits until the reader has confirmed it",
    async (_name, basePath, paste) => {
      const host = await serve(basePath);
      const typed = accountOn(paste(host));
      const failed = registerAccount(typed, ports);
      await expect(failed).rejects.toMatchObject({
        kind: "OtherAddress",
        data: { found: `http://${host}${basePath}`, by: "search" },
      });
      expect(await registerAccount({ ...typed, url: `http://${host}${basePath}` }, ports)).toMatchObject({
        shown: true,
      });
    },
  );

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
  test("a redirect to https on another port and a prefix is proposed; no key, and no header, goes there before", async () => {
    const secure = await odd((response, { path, headers }) => {
      if (path !== "/kosync/users/auth") json(response, 404, {});
      else if (headers["x-auth-key"] === undefined) json(response, 401, { code: 2001, message: "Unauthorized" });
      else json(response, 200, { authorized: "OK" });
    }, own);
    const plain = await odd((response, { path }) =>
      response.writeHead(301, { location: `https://localhost:${secure.port}/kosync${path}` }).end(),
    );
    const account = accountOn(plain.url, { headers: { "x-token": "for-nobody-else" }, tls: { mode: "none" } });
    await expect(authorizeAccount(account, ports)).rejects.toMatchObject({
      kind: "OtherAddress",
      data: { url: plain.url, found: `https://localhost:${secure.port}/kosync`, by: "redirect" },
    });
    expect(secretsIn(secure)).toEqual([]);
  });

  test("a self-signed certificate: refused with the fingerprint, and nothing is sent; trusted, it logs in", async () => {
    const server = await odd((response, { headers }) => {
      if (headers["x-auth-key"] === undefined) json(response, 401, { code: 2001, message: "Unauthorized" });
      else json(response, 200, { authorized: "OK" });
    }, own);
    const typed = accountOn(`127.0.0.1:${server.port}`, { headers: { "x-token": "for-nobody-else" } });
    await expect(authorizeAccount(typed, ports)).rejects.toMatchObject({
      kind: "CertificateRefused",
      data: { url: server.url, fingerprint: own.sha256, reason: "self_signed" },
    });
    expect(server.heard).toEqual([]);
    const trusting = { ...typed, tls: { mode: "fingerprint", sha256: own.sha256 } as const };
    expect(await authorizeAccount(trusting, ports)).toEqual({ url: server.url, username: "reader", shown: true });
  });

  test("a protecting proxy gets the extra headers and the login inside the address, in a search of other paths too", async () => {
    const server = await odd((response, { path, headers }) => {
      if (headers["x-token"] !== "let-me-in" || headers.authorization === undefined) {
        response.writeHead(401, { "content-type": "text/html" }).end("<html>");
      } else if (path === "/kosync/users/auth") json(response, 401, { code: 2001, message: "Unauthorized" });
      else json(response, 404, {});
    });
    const pasted = server.url.replace("//", "//door:open%20it@");
    const account = accountOn(pasted, { headers: { "x-token": "let-me-in" } });
    await expect(authorizeAccount(account, ports)).rejects.toMatchObject({
      kind: "OtherAddress",
      data: { url: server.url, found: `${server.url}/kosync` },
    });
    expect(server.heard.at(-1)?.headers.authorization).toBe(`Basic ${Buffer.from("door:open it").toString("base64")}`);
  });

  test("the search itself sends neither name nor key, asks a few times and stops at the first server", async () => {
    const server = await odd((response, { path }) => {
      if (path === "/kosync/users/auth") json(response, 401, { code: 2001 });
      else json(response, 404, {});
    });
    await expect(authorizeAccount(accountOn(server.url), ports)).rejects.toMatchObject({ kind: "OtherAddress" });
    const [typed, ...search] = server.heard;
    expect(typed?.headers).toHaveProperty("x-auth-key");
    expect(search.map(({ path }) => path)).toEqual(["/kosync/users/auth"]);
    expect(Object.keys(search[0]?.headers ?? {}).join()).not.toMatch(/x-auth/);
  });

  test("a right address is asked once, with the login, as KOReader does", async () => {
    const server = await odd((response, { headers }) =>
      headers["x-auth-key"] === undefined ? json(response, 401, {}) : json(response, 200, { authorized: "OK" }),
    );
    await authorizeAccount(accountOn(server.url), ports);
    expect(server.heard.map(({ path }) => path)).toEqual(["/users/auth"]);
  });

  test("a wrong password is tried once, and nothing is searched", async () => {
    const server = await odd((response) => response.writeHead(401).end());
    await expect(authorizeAccount(accountOn(server.url), ports)).rejects.toMatchObject({ kind: "Unauthorized" });
    expect(server.heard).toHaveLength(1);
  });

  test.each([502, 503, 522, 526, 500, 429])(
    "a server that answers %i is at the right address: it is told, not searched",
    async (status) => {
      const server = await odd((response) => response.writeHead(status, { "content-type": "text/html" }).end("<html>"));
      await expect(authorizeAccount(accountOn(server.url), ports)).rejects.toMatchObject({
        kind: "ServerRefused",
        data: { url: server.url, status },
      });
      expect(server.heard).toHaveLength(1);
    },
  );

  test("a server that wants a login for everything, as Spring does, is not taken for one at every path", async () => {
    const server = await odd((response, { headers }) => {
      if (headers["x-auth-key"] !== undefined) json(response, 404, { error: "Not Found" });
      else response.writeHead(403).end();
    });
    await expect(authorizeAccount(accountOn(server.url), ports)).rejects.toMatchObject({ kind: "NotKosyncServer" });
  });
});

/** Of what a server heard, the requests that held a secret. */
function secretsIn({ heard }: OddServer): string[] {
  return heard
    .filter(({ headers }) => ["x-auth-key", "x-auth-user", "x-token", "authorization"].some((name) => name in headers))
    .map(({ path }) => path);
}
