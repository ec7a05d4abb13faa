import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createProxyServer } from "node:http";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { KosyncClient } from "../../../src/app/ports.ts";
import { createKosyncClient } from "../../../src/io/kosync/client.ts";
import type { Account, Tls } from "../../../src/model/account.ts";
import { createCertificates } from "../../support/certificates.ts";
import type { Certificate } from "../../support/certificates.ts";
import { accountOn, json, startOddServer } from "../../support/odd-server.ts";
import type { OddServer } from "../../support/odd-server.ts";

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-tls-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const make = createCertificates(folder);
const own = make.selfSigned("own");
const stranger = make.selfSigned("stranger");
const elsewhere = make.selfSigned("elsewhere", "DNS:kosync.example");
const authority = make.authority("authority");
const signed = make.signedBy(authority, "signed");
const expired = make.signedBy(authority, "expired", -1);

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

async function serve(certificate: Certificate): Promise<OddServer> {
  const server = await startOddServer((response) => json(response, 200, { authorized: "OK" }), certificate);
  open.push(server);
  return server;
}

function connect(url: string, tls: Tls, more: Partial<Account> = {}): KosyncClient {
  const client = createKosyncClient({ account: accountOn(url, { tls, ...more }) });
  open.push(client);
  return client;
}

const SYSTEM: Tls = { mode: "system" };
const caFile = (path: string): Tls => ({ mode: "ca_file", path });
const pinned = ({ sha256 }: Certificate): Tls => ({ mode: "fingerprint", sha256 });

describe("a certificate is accepted", () => {
  test.each<[string, Certificate, Tls]>([
    ["signed by the authority of the CA file", signed, caFile(authority.path)],
    ["self-signed, and itself the CA file", own, caFile(own.path)],
    ["self-signed and pinned", own, pinned(own)],
    ["of an unknown authority and pinned", signed, pinned(signed)],
    ["of another host and pinned", elsewhere, pinned(elsewhere)],
    ["expired and pinned", expired, pinned(expired)],
    ["self-signed, and nothing is checked", own, { mode: "none" }],
    ["of another host, and nothing is checked", elsewhere, { mode: "none" }],
  ])("%s", async (_name, certificate, tls) => {
    const { url, heard } = await serve(certificate);
    const client = connect(url, tls);
    await Promise.all([client.authorize(), client.authorize()]);
    await client.authorize();
    expect(heard).toHaveLength(3);
  });
});

describe("a certificate is refused, with its fingerprint and the reason, and nothing is sent", () => {
  test.each<[string, Certificate, Tls, string]>([
    ["self-signed", own, SYSTEM, "self_signed"],
    ["of an unknown authority", signed, SYSTEM, "unknown_issuer"],
    ["self-signed, not the CA file", own, caFile(stranger.path), "self_signed"],
    ["expired", expired, caFile(authority.path), "expired"],
    ["of another host", elsewhere, caFile(elsewhere.path), "wrong_host"],
    ["another than the pinned one", own, pinned(stranger), "changed"],
  ])("%s", async (_name, certificate, tls, reason) => {
    const { url, heard } = await serve(certificate);
    await expect(connect(url, tls).authorize()).rejects.toMatchObject({
      kind: "CertificateRefused",
      code: 2007,
      data: { url, fingerprint: certificate.sha256, reason },
    });
    expect(heard).toEqual([]);
  });

  test.each(["/nowhere/ca.pem", join(folder, "own.key")])("a CA file that is none: %s", async (path) => {
    const { url } = await serve(own);
    await expect(connect(url, caFile(path)).authorize()).rejects.toMatchObject({
      kind: "CertificateRefused",
      data: { fingerprint: null, reason: "ca_file_unreadable" },
    });
  });

  test("a pinned certificate that changes while connections stand is refused on the next connection", async () => {
    const before = await startOddServer((response) => json(response, 200, { authorized: "OK" }), own);
    const client = connect(before.url, pinned(own));
    await client.authorize();
    await before.close();
    const after = await startOddServer((response) => json(response, 200, {}), stranger, before.port);
    open.push(after);
    await expect(client.authorize()).rejects.toMatchObject({
      data: { fingerprint: stranger.sha256, reason: "changed" },
    });
    expect(after.heard).toEqual([]);
  });
});

describe("TLS trouble that is none of the certificate's", () => {
  test("an https address that speaks plain HTTP", async () => {
    const plain = await startOddServer((response) => json(response, 200, {}));
    open.push(plain);
    const failed = connect(plain.url.replace("http:", "https:"), SYSTEM).authorize();
    await expect(failed).rejects.toMatchObject({ kind: "ServerUnreachable", data: { attempts: 1, cause: "tls" } });
  });

  test("an http address that speaks TLS", async () => {
    const { url } = await serve(own);
    const failed = connect(url.replace("https:", "http:"), SYSTEM).authorize();
    await expect(failed).rejects.toMatchObject({ kind: "ServerUnreachable", data: { cause: "reset" } });
  });
});

interface Proxy {
  url: string;
  asked: string[];
  close(): Promise<void>;
}

/** A real proxy: tunnels for TLS, whole requests for plain HTTP; with a login it wants one. */
async function startProxy(login?: string): Promise<Proxy> {
  const asked: string[] = [];
  const isWelcome = (header: string | undefined): boolean =>
    login === undefined || header === `Basic ${Buffer.from(login).toString("base64")}`;
  const server = createProxyServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (!isWelcome(request.headers["proxy-authorization"])) response.writeHead(407).end();
    else json(response, 200, { authorized: "OK" });
  });
  server.on("connect", (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    if (!isWelcome(request.headers["proxy-authorization"])) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const { hostname, port } = new URL(`tcp://${request.url}`);
    const onward = connectTcp(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const proxy = {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  open.push(proxy);
  return proxy;
}

describe("through a proxy", () => {
  test("a pinned server is reached by a tunnel", async () => {
    const proxy = await startProxy();
    const { url, port, heard } = await serve(own);
    await connect(url, pinned(own), { proxy: proxy.url }).authorize();
    expect(heard).toHaveLength(1);
    expect(proxy.asked).toEqual([`CONNECT 127.0.0.1:${port}`]);
  });

  test("a refused certificate has its fingerprint there too", async () => {
    const proxy = await startProxy();
    const { url } = await serve(own);
    await expect(connect(url, SYSTEM, { proxy: proxy.url }).authorize()).rejects.toMatchObject({
      data: { fingerprint: own.sha256, reason: "self_signed" },
    });
  });

  test("plain HTTP goes as a whole request, and the proxy's login with it", async () => {
    const proxy = await startProxy("me:se cret");
    const client = connect("http://kosync.example", SYSTEM, { proxy: proxy.url.replace("//", "//me:se%20cret@") });
    await client.authorize();
    expect(proxy.asked).toEqual(["GET http://kosync.example/users/auth"]);
  });

  test.each<[string, string, string]>([
    ["a login it does not know", "https://127.0.0.1:1", "proxy_login"],
    ["a login it does not know, in plain HTTP", "http://127.0.0.1:1", "proxy_login"],
  ])("%s", async (_name, url, cause) => {
    const proxy = await startProxy("me:secret");
    const failed = connect(url, SYSTEM, { proxy: proxy.url }).authorize();
    await expect(failed).rejects.toMatchObject({ kind: "ServerUnreachable", data: { cause } });
  });

  test.each<[string, string]>([
    ["http://127.0.0.1:1", "proxy_unreachable"],
    ["socks5://127.0.0.1:1080", "proxy_unsupported"],
  ])("%s: %s", async (proxy, cause) => {
    const { url } = await serve(own);
    const failed = connect(url, { mode: "none" }, { proxy }).authorize();
    await expect(failed).rejects.toMatchObject({ kind: "ServerUnreachable", data: { cause } });
  });

  test("a proxy that is gone is not taken for a server that is gone, in plain HTTP either", async () => {
    const failed = connect("http://kosync.example", SYSTEM, { proxy: "http://127.0.0.1:1" }).authorize();
    await expect(failed).rejects.toMatchObject({ data: { cause: "proxy_unreachable" } });
  });
});
