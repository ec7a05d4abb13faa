import { build } from "esbuild";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import type { Account, Tls } from "../../../src/model/account.ts";
import { createCertificates } from "../../support/certificates.ts";
import { accountOn, json, startOddServer } from "../../support/odd-server.ts";
import type { OddServer } from "../../support/odd-server.ts";
import { startTinyproxy, whyNoTinyproxy, type Tinyproxy } from "../../support/tinyproxy.ts";

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-runtimes-"));
const bundle = join(folder, "bundle", "ask.mjs");
const make = createCertificates(folder);
const own = make.selfSigned("own");
const elsewhere = make.selfSigned("elsewhere", "DNS:kosync.example");
const authority = make.authority("authority");
const signed = make.signedBy(authority, "signed");
const expired = make.signedBy(authority, "expired", -1);
const servers: OddServer[] = [];

async function serve(certificate?: { key: string; cert: string }): Promise<OddServer> {
  const server = await startOddServer((response) => json(response, 200, { authorized: "OK" }), certificate);
  servers.push(server);
  return server;
}

beforeAll(async () => {
  // As the bridge is built: chunks, and the client loaded on first use.
  await build({
    stdin: {
      contents: `
        const { createKosyncClient } = await import("./src/io/kosync/client.ts");
        const outcomes = [];
        for (const account of JSON.parse(process.argv[2])) {
          const client = createKosyncClient({ account, limits: { attempts: 1, connect_ms: 5000 } });
          outcomes.push(await client.authorize().then(() => "ok", ({ kind, data }) => ({ kind, data })));
          await client.close();
        }
        console.log(JSON.stringify(outcomes));`,
      resolveDir: fileURLToPath(new URL("../../..", import.meta.url)),
      sourcefile: "ask.ts",
    },
    outdir: join(folder, "bundle"),
    entryNames: "ask",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22",
    banner: {
      js: `import { createRequire as __createRequire } from "node:module";const require = __createRequire(import.meta.url);`,
    },
  });
});
afterAll(async () => {
  for (const server of servers) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Lets another runtime log in with each account in turn, and tells what it said. */
function ask(command: string, args: string[], accounts: Account[]): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args, bundle, JSON.stringify(accounts)], { timeout: 60_000 });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("error", reject);
    child.on("close", () => {
      if (stdout === "") reject(new Error(stderr));
      else resolve(z.array(z.unknown()).parse(JSON.parse(stdout)));
    });
  });
}

const refusal = (fingerprint: string | null, reason: string): object => ({
  kind: "CertificateRefused",
  data: expect.objectContaining({ fingerprint, reason }) as unknown,
});

describe.each<[string, string, string[]]>([
  ["Node", process.execPath, []],
  // The rights of the bridge: no prompt, no configuration, nothing fetched.
  [
    "Deno",
    "deno",
    ["run", "--no-config", "--no-lock", "--cached-only", "--no-prompt", "--allow-net", "--allow-read", "--allow-env"],
  ],
])("under %s", (_name, command, args) => {
  test("certificates are judged alike", async () => {
    const cases: [{ key: string; cert: string } | undefined, Tls, unknown][] = [
      [undefined, { mode: "system" }, "ok"],
      [signed, { mode: "ca_file", path: authority.path }, "ok"],
      [own, { mode: "ca_file", path: own.path }, "ok"],
      [own, { mode: "fingerprint", sha256: own.sha256 }, "ok"],
      [elsewhere, { mode: "fingerprint", sha256: elsewhere.sha256 }, "ok"],
      [own, { mode: "none" }, "ok"],
      [own, { mode: "system" }, refusal(own.sha256, "self_signed")],
      [signed, { mode: "system" }, refusal(signed.sha256, "unknown_issuer")],
      [own, { mode: "fingerprint", sha256: signed.sha256 }, refusal(own.sha256, "changed")],
      [expired, { mode: "ca_file", path: authority.path }, refusal(expired.sha256, "expired")],
      [elsewhere, { mode: "ca_file", path: elsewhere.path }, refusal(elsewhere.sha256, "wrong_host")],
    ];
    const accounts: Account[] = [];
    for (const [certificate, tls] of cases) accounts.push(accountOn((await serve(certificate)).url, { tls }));
    expect(await ask(command, args, accounts)).toEqual(cases.map(([, , outcome]) => outcome));
  });

  test("what brings no answer has the same name", async () => {
    const plain = await serve();
    const gone = await startOddServer(() => undefined);
    await gone.close();
    const accounts = [
      accountOn(gone.url),
      accountOn(plain.url.replace("http:", "https:")),
      accountOn("http://kosync.invalid"),
      accountOn(plain.url, { headers: { "x-broken": "a\nb" } }),
    ];
    const causes = ["refused", "tls", "unknown_host", "bad_request"];
    expect(await ask(command, args, accounts)).toEqual(
      causes.map(
        (cause) => expect.objectContaining({ data: expect.objectContaining({ cause }) as unknown }) as unknown,
      ),
    );
  });

  test("a site's own redirects are followed with the login, over TLS too, and no other; packed answers are read", async () => {
    const other = await serve();
    const heardElsewhere = other.heard.length;
    const moved = await startOddServer((response, { path, headers }) => {
      if (!path.startsWith("/kosync/")) response.writeHead(308, { location: `/kosync${path}/` }).end();
      else if (headers["x-auth-key"] === undefined) json(response, 401, { code: 2001 });
      else {
        response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
        response.end(gzipSync('{"authorized":"OK"}'));
      }
    }, own);
    const away = await startOddServer((response, { path }) =>
      response.writeHead(307, { location: `http://localhost:${other.port}${path}` }).end(),
    );
    const down = await startOddServer((response, { path }) => {
      response.writeHead(301, { location: `http://127.0.0.1:${other.port}${path}` }).end();
    }, own);
    servers.push(moved, away, down);
    const tls = { mode: "fingerprint", sha256: own.sha256 } as const;
    const accounts = [accountOn(moved.url, { tls }), accountOn(away.url), accountOn(down.url, { tls })];
    expect(await ask(command, args, accounts)).toEqual([
      "ok",
      expect.objectContaining({ kind: "OtherAddress" }) as unknown,
      expect.objectContaining({ kind: "ServerRefused" }) as unknown,
    ]);
    expect(other.heard).toHaveLength(heardElsewhere);
  });

  describe.skipIf(whyNoTinyproxy !== null)(`behind a real proxy${whyNoTinyproxy ?? ""}`, () => {
    const proxies: Tinyproxy[] = [];
    const through = async (login: string | null): Promise<Tinyproxy> => {
      const proxy = await startTinyproxy(login);
      proxies.push(proxy);
      return proxy;
    };
    afterAll(async () => {
      for (const proxy of proxies) await proxy.stop();
    });

    test("a server is reached in plain HTTP and by a tunnel, its certificate judged as ever", async () => {
      const proxy = await through(null);
      const [plain, good, stranger] = [await serve(), await serve(signed), await serve(own)];
      const at = { proxy: `http://127.0.0.1:${proxy.port}` };
      const ca = { mode: "ca_file", path: authority.path } as const;
      const accounts = [accountOn(plain.url, at), accountOn(good.url, { ...at, tls: ca }), accountOn(stranger.url, at)];
      expect(await ask(command, args, accounts)).toEqual(["ok", "ok", refusal(own.sha256, "self_signed")]);
      expect(proxy.asked().slice(0, 2)).toEqual([expect.stringContaining(plain.url), `CONNECT 127.0.0.1:${good.port}`]);
    });

    test("its login is given, and a wrong one is the proxy's matter", async () => {
      const proxy = await through("reader:secret");
      const [plain, good] = [await serve(), await serve(signed)];
      const tls = { mode: "ca_file", path: authority.path } as const;
      const at = (login: string) => ({ proxy: `http://${login}127.0.0.1:${proxy.port}` });
      const accounts = [
        accountOn(plain.url, at("reader:secret@")),
        accountOn(good.url, { ...at("reader:secret@"), tls }),
        accountOn(plain.url, at("")),
        accountOn(good.url, { ...at(""), tls }),
        // This one answers a wrong login as a server does, with 401.
        accountOn(good.url, { ...at("reader:wrong@"), tls }),
      ];
      const refused = expect.objectContaining({
        data: expect.objectContaining({ cause: "proxy_login" }) as unknown,
      }) as unknown;
      expect(await ask(command, args, accounts)).toEqual(["ok", "ok", refused, refused, refused]);
    });

    test("a server that is gone is neither a proxy that is gone nor a wrong password", async () => {
      const proxy = await through(null);
      const gone = await startOddServer(() => undefined);
      await gone.close();
      const at = { proxy: `http://127.0.0.1:${proxy.port}` };
      const accounts = [accountOn(gone.url, at), accountOn(gone.url.replace("http:", "https:"), at)];
      expect(await ask(command, args, accounts)).toMatchObject([
        { kind: "ServerRefused", data: { status: 500 } },
        { kind: "ServerUnreachable", data: { cause: "proxy_refused" } },
      ]);
    });
  });
});
