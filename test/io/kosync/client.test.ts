import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { KosyncClient } from "../../../src/app/ports.ts";
import { createKosyncClient } from "../../../src/io/kosync/client.ts";
import type { Limits } from "../../../src/io/kosync/transport.ts";
import type { Account } from "../../../src/model/account.ts";
import { accountOn, json, startOddServer } from "../../support/odd-server.ts";
import type { Heard, OddServer } from "../../support/odd-server.ts";

const DOCUMENT = "0b229176d4e8db7f6d2b5a4952368d7a";
const RECORD = {
  document: DOCUMENT,
  percentage: 0.31879,
  progress: "/body/DocFragment[20]/body/p[22]/img.0",
  device: "Kobo Libra",
  device_id: "D5A3",
  timestamp: 1_764_000_000,
};
const TO_PUT = {
  document: DOCUMENT,
  progress: RECORD.progress,
  percentage: 0.5,
  device: "calibre",
  device_id: "calibre-koreader-progress-1",
};

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

type Reply = Parameters<typeof startOddServer>[0];

/** Knows the account; everything else is up to `reply`. */
async function serve(reply: Reply): Promise<OddServer> {
  const server = await startOddServer((response, heard, request) => {
    if (heard.path === "/users/auth") json(response, 200, { authorized: "OK" });
    else reply(response, heard, request);
  });
  open.push(server);
  return server;
}

async function serveAll(reply: Reply): Promise<OddServer> {
  const server = await startOddServer(reply);
  open.push(server);
  return server;
}

function connect(url: string, more: Partial<Account> = {}, limits: Partial<Limits> = {}): KosyncClient {
  const client = createKosyncClient({ account: accountOn(url, more), limits });
  open.push(client);
  return client;
}

const raw =
  (status: number, type: string, body: string): Reply =>
  (response) => {
    response.writeHead(status, type === "" ? {} : { "content-type": type });
    response.end(body);
  };

const countOf = (heard: Heard[], path: string): number => heard.filter((entry) => entry.path === path).length;

describe("what is sent", () => {
  test("name, key, Accept and Content-Type go with every request, and a login not with a registration", async () => {
    const { url, heard } = await serveAll((response, { method }) =>
      json(response, method === "POST" ? 201 : 200, method === "GET" ? { authorized: "OK" } : { document: DOCUMENT }),
    );
    const client = connect(url, {
      username: "Jürgen Ł",
      headers: { "X-Proxy-Token": "let-me-in", Accept: "text/html" },
    });
    await client.register();
    await client.authorize();
    await client.getProgress(DOCUMENT);
    await client.putProgress(TO_PUT);
    for (const { headers } of heard) {
      expect(headers).toMatchObject({
        accept: "application/vnd.koreader.v1+json",
        "content-type": "application/json",
        "x-proxy-token": "let-me-in",
      });
    }
    const [registration, ...others] = heard;
    expect(registration?.headers).not.toHaveProperty("x-auth-key");
    expect(JSON.parse(registration?.body ?? "")).toEqual({
      username: "Jürgen Ł",
      password: "5ebe2294ecd0e0f08eab7690d2a6ee69",
    });
    expect(others).not.toHaveLength(0);
    for (const { headers } of others) {
      expect(headers["x-auth-key"]).toBe("5ebe2294ecd0e0f08eab7690d2a6ee69");
      expect(Buffer.from(String(headers["x-auth-user"]), "latin1").toString("utf8")).toBe("Jürgen Ł");
    }
    expect(JSON.parse(heard.at(-1)?.body ?? "")).toEqual(TO_PUT);
  });

  test("a prefix in the address stays, and a document is one path segment whatever it holds", async () => {
    const { url, heard } = await serveAll((response) => json(response, 200, RECORD));
    await connect(`${url}/api/koreader/`)
      .getProgress("a/b c?.d")
      .catch(() => undefined);
    expect(heard[0]?.path).toBe("/api/koreader/syncs/progress/a%2Fb%20c%3F.d");
  });

  test("user and password inside the address become a Basic login, and stay out of errors", async () => {
    const { url, heard } = await serveAll((response) => json(response, 401, { message: "no" }));
    const client = connect(url.replace("//", "//door:open%20sesame@"));
    await expect(client.authorize()).rejects.toMatchObject({ kind: "Unauthorized", data: { url, username: "reader" } });
    expect(heard[0]?.headers.authorization).toBe(`Basic ${Buffer.from("door:open sesame").toString("base64")}`);
  });
});

describe("a record, however it is written down", () => {
  test.each([
    ["as the reference server does", RECORD, {}],
    ["a percentage as text", { ...RECORD, percentage: "0.31879" }, {}],
    ["a percentage in percent", { ...RECORD, percentage: 31.879 }, { percentage: 0.31879 }],
    ["a percentage a hair above 1", { ...RECORD, percentage: 1.0000001 }, { percentage: 1 }],
    ["a percentage of 0", { ...RECORD, percentage: 0 }, { percentage: 0 }],
    ["milliseconds", { ...RECORD, timestamp: 1_764_000_000_123 }, {}],
    ["seconds as text", { ...RECORD, timestamp: "1764000000" }, {}],
    ["ISO text", { ...RECORD, timestamp: "2025-11-24T16:00:00Z" }, {}],
    ["ISO text of seven decimals without a zone", { ...RECORD, timestamp: "2025-11-24T16:00:00.1234567" }, {}],
    ["no timestamp", { ...RECORD, timestamp: undefined }, { timestamp: null }],
    ["a timestamp of 0", { ...RECORD, timestamp: 0 }, { timestamp: null }],
    ["a timestamp beyond all numbers", { ...RECORD, timestamp: "soon" }, { timestamp: null }],
    ["a page as a number", { ...RECORD, progress: 56 }, { progress: "56" }],
    ["no progress", { ...RECORD, progress: null }, { progress: "" }],
    ["an empty progress", { ...RECORD, progress: "" }, { progress: "" }],
    ["no document", { ...RECORD, document: undefined }, {}],
    ["the document in capitals", { ...RECORD, document: DOCUMENT.toUpperCase() }, {}],
    ["no device id", { ...RECORD, device_id: undefined }, { device_id: null }],
    ["an empty device id", { ...RECORD, device_id: "" }, { device_id: null }],
    ["no device", { ...RECORD, device: null }, { device: "" }],
    ["more than asked for", { ...RECORD, calibre_book_id: 12, metadata: { title: "T" } }, {}],
  ])("%s", async (_name, body, expected) => {
    const { url } = await serve((response) => json(response, 200, body));
    expect(await connect(url).getProgress(DOCUMENT)).toEqual({ ...RECORD, ...expected });
  });

  test("JSON under a media type of its own, with a byte order mark", async () => {
    const { url } = await serve(raw(200, "text/html; charset=utf-8", `\uFEFF${JSON.stringify(RECORD)}`));
    expect(await connect(url).getProgress(DOCUMENT)).toEqual(RECORD);
  });

  test("the record of another document is refused, not taken for this book's", async () => {
    const { url } = await serve((response) => json(response, 200, { ...RECORD, document: "f".repeat(32) }));
    await expect(connect(url).getProgress(DOCUMENT)).rejects.toMatchObject({
      kind: "ServerRefused",
      data: { status: 200, message: "answered for another document" },
    });
  });
});

describe("a record in an odd dress", () => {
  test("packed although nobody asked for that", async () => {
    const { url } = await serve((response) => {
      response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
      response.end(gzipSync(JSON.stringify(RECORD)));
    });
    expect(await connect(url).getProgress(DOCUMENT)).toEqual(RECORD);
  });

  test("behind headers longer than a runtime takes by itself", async () => {
    const { url } = await serve((response) => json(response, 200, RECORD, { "set-cookie": "x".repeat(60_000) }));
    expect(await connect(url).getProgress(DOCUMENT)).toEqual(RECORD);
  });

  test("what turns a terminal's text around stays out of a device's name and of an error", async () => {
    const { url } = await serve((response) => json(response, 200, { ...RECORD, device: "Kobo\u202Eevil\u0007" }));
    expect((await connect(url).getProgress(DOCUMENT))?.device).toBe("Koboevil ");
    const refusing = await serve((response) => json(response, 403, { message: "no\u2066\u001b[31m entry" }));
    await expect(connect(refusing.url).getProgress(DOCUMENT)).rejects.toMatchObject({
      data: { message: "no [31m entry" },
    });
  });

  test("a place that is held back is asked for, and is a percentage alone", async () => {
    const { url, heard } = await serve((response, { path }) => {
      if (!path.endsWith("?position_kinds=locator,percentage"))
        json(response, 200, { position_kinds_available: ["percentage"] });
      else json(response, 200, { ...RECORD, progress: "0.31879", position_kind: "percentage" });
    });
    const client = connect(url);
    expect(await client.getProgress(DOCUMENT)).toEqual({ ...RECORD, progress: "" });
    expect(await client.getProgress(DOCUMENT)).toEqual({ ...RECORD, progress: "" });
    expect(heard).toHaveLength(3);
  });

  test("a place that was not held back stays one, also on a server that holds back others", async () => {
    const { url } = await serve((response, { path }) => {
      if (path.includes("position_kinds")) json(response, 200, { ...RECORD, position_kind: "locator" });
      else json(response, 200, { position_kinds_available: ["percentage"] });
    });
    const client = connect(url);
    await client.getProgress(DOCUMENT);
    expect((await client.getProgress(DOCUMENT))?.progress).toBe(RECORD.progress);
  });

  test("a page in its place is another answer a moment later", async () => {
    let tries = 0;
    const { url } = await serve((response, heard, request) => {
      tries += 1;
      if (tries === 1) raw(200, "text/html", "<html>")(response, heard, request);
      else json(response, 200, RECORD);
    });
    expect(await connect(url).getProgress(DOCUMENT)).toEqual(RECORD);
  });
});

describe("nothing stored, however it is said", () => {
  test.each<[string, Reply]>([
    ["200 {}", (response) => json(response, 200, {})],
    ["200 []", (response) => json(response, 200, [])],
    ["200 null", (response) => json(response, 200, null)],
    ["200 with only a reason", (response) => json(response, 200, { message: "no progress for this document" })],
    ["200 with a percentage that is null", (response) => json(response, 200, { ...RECORD, percentage: null })],
    ["204", (response) => response.writeHead(204).end()],
    ["404 as JSON", (response) => json(response, 404, { status: "not found" })],
    ["404 as text", raw(404, "text/plain", "404 page not found\n")],
    ["404 as a proxy's page", raw(404, "text/html", "<html><body>404</body></html>")],
    ["400", (response) => json(response, 400, { error: "document unknown" })],
    ["502 with words", (response) => json(response, 502, { message: "Document not found on server" })],
  ])("%s", async (_name, reply) => {
    const { url, heard } = await serve(reply);
    const client = connect(url);
    expect(await client.getProgress(DOCUMENT)).toBeNull();
    expect(await client.getProgress(DOCUMENT)).toBeNull();
    expect(countOf(heard, `/syncs/progress/${DOCUMENT}`)).toBe(2);
    expect(countOf(heard, "/users/auth")).toBe(1);
  });

  test("a wrong address that knows no document is not believed", async () => {
    const { url } = await serveAll((response) => json(response, 404, { message: "Route not found" }));
    await expect(connect(url).getProgress(DOCUMENT)).rejects.toMatchObject({
      kind: "NotKosyncServer",
      code: 2002,
      data: { url, content_type: "application/json" },
    });
  });
});

describe("answers that are failures", () => {
  test.each<[string, Reply, string, object]>([
    ["401", (r) => json(r, 401, { code: 2001, message: "Unauthorized" }), "Unauthorized", { username: "reader" }],
    ["200 with code 2001", (r) => json(r, 200, { code: 2001, message: "x" }), "Unauthorized", {}],
    ["HTML with 200", raw(200, "text/html", "<!DOCTYPE html><p>Hi"), "NotKosyncServer", { content_type: "text/html" }],
    [
      "403 with code 2003",
      (r) => json(r, 403, { code: 2003, message: "Invalid request" }),
      "ServerRefused",
      { status: 403, kosync_code: 2003, message: "Invalid request" },
    ],
    [
      "403 as HTML",
      raw(403, "text/html", "<html>Blocked"),
      "ServerRefused",
      { status: 403, kosync_code: null, message: null },
    ],
    [
      "412",
      (r) => json(r, 412, { code: 100, message: "Accept header not set." }),
      "ServerRefused",
      { kosync_code: 100 },
    ],
    [
      "a login page elsewhere",
      (r) => r.writeHead(302, { location: "https://login.example/?rd=x" }).end(),
      "BehindLogin",
      { location: "https://login.example/" },
    ],
    [
      "500 to the end",
      (r) => json(r, 500, { error: { message: "database is locked" } }),
      "ServerRefused",
      { status: 500, message: "database is locked" },
    ],
    ["502 from a proxy", raw(502, "text/html", "<html>Bad Gateway"), "ServerRefused", { status: 502, message: null }],
    ["an empty 200 to the end", raw(200, "application/json", ""), "ServerRefused", { status: 200 }],
    ["a truncated 200 to the end", raw(200, "application/json", '{"document": "0b2'), "ServerRefused", { status: 200 }],
  ])("%s", async (_name, reply, kind, data) => {
    const { url } = await serve(reply);
    await expect(connect(url).getProgress(DOCUMENT)).rejects.toMatchObject({ kind, data: { url, ...data } });
  });

  test("a server that echoes the key cannot get it into an error", async () => {
    const secret = "token-of-the-proxy";
    const { url } = await serveAll((response, { headers }) =>
      json(response, 403, { message: `bad key ${String(headers["x-auth-key"])} ${String(headers["x-token"])}` }),
    );
    const failed = connect(url, { headers: { "x-token": secret } }).getProgress(DOCUMENT);
    await expect(failed).rejects.toMatchObject({ data: { message: "bad key *** ***" } });
    const error = await failed.catch((caught: unknown) => caught);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(/5ebe2294|token-of/);
  });
});

describe("a server that limits ten requests a second", () => {
  test.each([
    ["429 without a word", 429, {}],
    ["429 with a pause of none", 429, { "retry-after": "0" }],
    ["503", 503, {}],
  ])("by %s answers thirty books in the end", async (_name, status, headers) => {
    let last = 0;
    const { url, heard } = await serve((response) => {
      const now = performance.now();
      if (now - last < 100) return json(response, status, {}, headers);
      last = now;
      json(response, 200, RECORD);
    });
    const client = connect(url);
    const all = await Promise.all(Array.from({ length: 30 }, () => client.getProgress(DOCUMENT)));
    expect(all).toHaveLength(30);
    expect(heard.length).toBeLessThan(90);
  });
});

describe("trouble that passes", () => {
  test.each<[string, Reply]>([
    ["500", (response) => json(response, 500, {})],
    ["502 as HTML", raw(502, "text/html", "<html>")],
    ["503 with Retry-After", (response) => json(response, 503, {}, { "retry-after": "0" })],
    ["429 with Retry-After", (response) => json(response, 429, {}, { "retry-after": "1" })],
    ["an empty body", raw(200, "application/json", "")],
    ["a truncated body", raw(200, "application/json", '{"percentage": 0.')],
    ["a reset", (response) => response.socket?.resetAndDestroy()],
    [
      "a body cut off",
      (response) => {
        response.writeHead(200, { "content-length": "500" });
        response.write('{"document"');
        setImmediate(() => response.socket?.destroy());
      },
    ],
    ["no HTTP at all", (response) => response.socket?.end("SSH-2.0-OpenSSH_9.9\r\n")],
  ])("%s once, and the next try has the record", async (_name, reply) => {
    let tries = 0;
    const { url, heard } = await serve((response, entry, request) => {
      tries += 1;
      if (tries === 1) reply(response, entry, request);
      else json(response, 200, RECORD);
    });
    expect(await connect(url).getProgress(DOCUMENT)).toEqual(RECORD);
    expect(heard).toHaveLength(2);
  });

  test("401 is never asked twice", async () => {
    const { url, heard } = await serveAll((response) => json(response, 401, {}));
    await expect(connect(url).getProgress(DOCUMENT)).rejects.toMatchObject({ kind: "Unauthorized" });
    expect(heard).toHaveLength(1);
  });

  test("a server that wants an hour's pause is left alone at once", async () => {
    const { url, heard } = await serve((response) => json(response, 429, {}, { "retry-after": "3600" }));
    await expect(connect(url).getProgress(DOCUMENT)).rejects.toMatchObject({ data: { status: 429 } });
    expect(heard).toHaveLength(1);
  });
});

describe("no answer", () => {
  test("a closed port: refused, after three tries; the next request tries once", async () => {
    const gone = await startOddServer((response) => json(response, 200, {}));
    await gone.close();
    const { url } = gone;
    const client = connect(url);
    await expect(client.getProgress(DOCUMENT)).rejects.toMatchObject({
      kind: "ServerUnreachable",
      code: 2001,
      data: { url, attempts: 3, cause: "refused" },
    });
    await expect(client.getProgress(DOCUMENT)).rejects.toMatchObject({ data: { attempts: 1 } });
  });

  test("a name that does not exist", async () => {
    const failed = connect("http://kosync.invalid").authorize();
    await expect(failed).rejects.toMatchObject({ kind: "ServerUnreachable", data: { cause: "unknown_host" } });
  });

  test("an address that is none", () => {
    expect(() => connect("ftp://example.org")).toThrow(
      expect.objectContaining({
        kind: "ServerUnreachable",
        data: { url: "ftp://example.org", attempts: 0, cause: "bad_url" },
      }),
    );
  });

  test("a server that takes the request and stays silent runs into the time limit once, and is not asked again", async () => {
    const { url } = await serveAll(() => undefined);
    const client = connect(url, {}, { answer_ms: 50, attempts: 2 });
    await expect(client.getProgress(DOCUMENT)).rejects.toMatchObject({ data: { attempts: 1, cause: "timeout" } });
  });

  test("an answer that trickles without end runs into the time limit as well", async () => {
    const { url } = await serveAll((response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const timer = setInterval(() => response.write(" "), 5);
      response.on("close", () => clearInterval(timer));
    });
    const client = connect(url, {}, { answer_ms: 80, attempts: 1 });
    await expect(client.getProgress(DOCUMENT)).rejects.toMatchObject({ data: { cause: "timeout" } });
  });

  test("a TLS handshake that never comes runs into the connection's limit", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const client = connect(`https://127.0.0.1:${port}`, {}, { connect_ms: 60, attempts: 1 });
    await expect(client.authorize()).rejects.toMatchObject({ kind: "ServerUnreachable", data: { cause: "timeout" } });
    await client.close();
    silent.close();
  });

  test("a header that cannot be sent is named as such", async () => {
    const { url } = await serve((response) => json(response, 200, {}));
    const client = connect(url, { headers: { "x-broken": "a\r\nb" } });
    await expect(client.authorize()).rejects.toMatchObject({ data: { attempts: 1, cause: "bad_request" } });
  });
});

describe("cancelling", () => {
  test("while an answer is awaited", async () => {
    const cancel = new AbortController();
    const { url } = await serveAll(() => cancel.abort());
    const asked = connect(url).getProgress(DOCUMENT, cancel.signal);
    await expect(asked).rejects.toMatchObject({ kind: "Cancelled", code: 1002 });
  });

  test("while pausing before another try", async () => {
    const cancel = new AbortController();
    const { url, heard } = await serveAll((response) => {
      json(response, 503, {}, { "retry-after": "15" });
      setTimeout(() => cancel.abort(), 20);
    });
    await expect(connect(url).getProgress(DOCUMENT, cancel.signal)).rejects.toMatchObject({ kind: "Cancelled" });
    expect(heard).toHaveLength(1);
  });

  test("while waiting in line", async () => {
    const cancel = new AbortController();
    const { url, heard } = await serveAll(() => undefined);
    const client = connect(url, {}, { width: { start: 1, most: 1 } });
    const first = client.getProgress(DOCUMENT);
    const second = client.getProgress(DOCUMENT, cancel.signal);
    cancel.abort();
    await expect(second).rejects.toMatchObject({ kind: "Cancelled" });
    await client.close();
    await expect(first).rejects.toMatchObject({ kind: "Cancelled" });
    expect(heard.length).toBeLessThan(2);
  });

  test("closing ends what is under way", async () => {
    const client = connect((await serveAll(() => void client.close())).url);
    await expect(client.getProgress(DOCUMENT)).rejects.toMatchObject({ kind: "Cancelled" });
  });
});

describe("many at once", () => {
  test.each([
    ["a server of the reader's own network: four at first, sixteen in the end", undefined, 4, 16],
    ["another one, as its width says", { start: 2, most: 3 }, 2, 3],
  ])("%s", async (_name, width, first, most) => {
    let now = 0;
    let answered = 0;
    let peak = 0;
    let firstPeak = 0;
    const { url } = await serve((response) => {
      now += 1;
      peak = Math.max(peak, now);
      if (answered === 0) firstPeak = peak;
      setTimeout(() => {
        now -= 1;
        answered += 1;
        json(response, 200, RECORD);
      }, 10);
    });
    const client = connect(url, {}, width === undefined ? {} : { width });
    await Promise.all(Array.from({ length: 250 }, () => client.getProgress(DOCUMENT)));
    expect([firstPeak, peak]).toEqual([first, most]);
  });

  test("the wait in line does not count against the time limit", async () => {
    const { url } = await serve((response) => setTimeout(() => json(response, 200, RECORD), 100));
    const client = connect(url, {}, { width: { start: 1, most: 1 }, answer_ms: 1500, attempts: 1 });
    const all = await Promise.all(Array.from({ length: 20 }, () => client.getProgress(DOCUMENT)));
    expect(all).toHaveLength(20);
  });
});

describe("putting", () => {
  test.each<[string, Reply, number | null]>([
    [
      "the reference answer",
      (response) => json(response, 200, { document: DOCUMENT, timestamp: 1_764_000_000 }),
      1_764_000_000,
    ],
    ["milliseconds", (response) => json(response, 200, { timestamp: 1_764_000_000_999 }), 1_764_000_000],
    ["ISO text", (response) => json(response, 200, { timestamp: "2025-11-24T16:00:00Z" }), 1_764_000_000],
    ["a document alone", (response) => json(response, 201, { document: DOCUMENT }), null],
  ])("answered by %s, it is stored", async (_name, reply, timestamp) => {
    const { url, heard } = await serve(reply);
    expect(await connect(url).putProgress(TO_PUT)).toEqual({ timestamp });
    expect(heard).toHaveLength(1);
  });

  describe.each<[string, Reply]>([
    ["201 {}", (response) => json(response, 201, {})],
    ["202 with words", (response) => json(response, 202, { message: "accepted" })],
    ["204", (response) => response.writeHead(204).end()],
    ["200 and nothing else", raw(200, "", "")],
    ["OK", raw(200, "text/plain", "OK")],
  ])("answered by %s, which says nothing,", (_name, reply) => {
    const remembering = (kept: object): Reply => {
      return (response, heard, request) => {
        if (heard.method === "PUT") reply(response, heard, request);
        else json(response, 200, kept);
      };
    };

    test("it is stored when it is there", async () => {
      const { url } = await serve(remembering({ ...TO_PUT, timestamp: 1_764_000_000 }));
      expect(await connect(url).putProgress(TO_PUT)).toEqual({ timestamp: 1_764_000_000 });
    });

    test.each([{}, RECORD])("it is not when something else stands there", async (kept) => {
      const { url } = await serve(remembering({ ...kept, ...("progress" in kept ? { progress: "elsewhere" } : {}) }));
      await expect(connect(url).putProgress(TO_PUT)).rejects.toMatchObject({
        kind: "ServerRefused",
        data: { message: "did not keep the place" },
      });
    });
  });

  test.each<[string, Reply, string]>([
    ["401", (response) => json(response, 401, {}), "Unauthorized"],
    [
      "403",
      (response) => json(response, 403, { code: 2004, message: "Field 'document' not provided." }),
      "ServerRefused",
    ],
    ["a web page", raw(200, "text/html", "<html>"), "NotKosyncServer"],
    ["an error with status 200", (response) => json(response, 200, { code: 2000, message: "x" }), "ServerRefused"],
  ])("refused by %s", async (_name, reply, kind) => {
    const { url } = await serve(reply);
    await expect(connect(url).putProgress(TO_PUT)).rejects.toMatchObject({ kind });
  });
});

describe("logging in", () => {
  test.each<[string, Reply, boolean]>([
    ["the reference answer", (response) => json(response, 200, { authorized: "OK" }), true],
    ["another JSON", (response) => json(response, 200, { username: "reader" }), false],
    ["true", raw(200, "application/json", "true"), false],
    ["a text in quotes", raw(200, "application/json", '"OK"'), false],
    ["plain OK", raw(200, "text/plain", "OK"), false],
    ["any text", raw(200, "text/plain", "Welcome"), false],
    ["200 and nothing else", raw(200, "", ""), false],
    ["204", (response) => response.writeHead(204).end(), false],
  ])("%s counts, where everything else is answered otherwise", async (_name, reply, shown) => {
    const { url } = await serveAll((response, heard, request) => {
      if (heard.path === "/users/auth") reply(response, heard, request);
      else json(response, 404, { message: "not found" });
    });
    expect(await connect(url).authorize()).toEqual({ url, shown });
  });

  test.each<[string, Reply]>([
    ["a user", (response) => json(response, 200, { username: "reader" })],
    ["nothing stored", (response) => json(response, 200, {})],
    ["OK", raw(200, "text/plain", "OK")],
    ["nothing", raw(200, "", "")],
    ["204", (response) => response.writeHead(204).end()],
    ["what it was asked for", (response, { path }) => json(response, 200, { url: path })],
    ["a record", (response) => json(response, 200, { percentage: 0.5, progress: "1" })],
  ])("what answers everything by %s is no kosync server", async (_name, reply) => {
    const { url } = await serveAll(reply);
    await expect(connect(url).authorize()).rejects.toMatchObject({ kind: "NotKosyncServer" });
  });

  test("a page that asks for a password is a login page in front of the server", async () => {
    const { url } = await serveAll(raw(200, "text/html", '<form><input name="p" type="password"></form>'));
    await expect(connect(url).authorize()).rejects.toMatchObject({
      kind: "BehindLogin",
      data: { url, location: null },
    });
  });

  test.each<[string, Reply, string]>([
    ["401", (response) => json(response, 401, { code: 2001 }), "Unauthorized"],
    ["401 as text", raw(401, "text/plain", "nope"), "Unauthorized"],
    ["403 without a code", (response) => json(response, 403, { message: "Forbidden" }), "Unauthorized"],
    ["404 for the user", (response) => json(response, 404, { message: "User not found" }), "Unauthorized"],
    ["authorized: false", (response) => json(response, 200, { authorized: false }), "Unauthorized"],
    ["a web page", raw(200, "text/html", "<!doctype html>"), "NotKosyncServer"],
    ["404 as a page", raw(404, "text/html", "<h1>Not Found</h1>"), "NotKosyncServer"],
    ["404 of another API", (response) => json(response, 404, { message: "Route not found" }), "NotKosyncServer"],
    ["JSON that is no object", raw(200, "application/json", "[1]"), "NotKosyncServer"],
    ["403 as a page", raw(403, "text/html", "<html>"), "ServerRefused"],
  ])("%s does not", async (_name, reply, kind) => {
    const { url } = await serveAll(reply);
    await expect(connect(url).authorize()).rejects.toMatchObject({ kind });
  });
});

describe("registering", () => {
  test.each<[string, Reply, string, object]>([
    [
      "402 with code 2002",
      (r) => json(r, 402, { code: 2002, message: "Username is already registered." }),
      "UsernameTaken",
      { username: "reader" },
    ],
    ["409", (r) => json(r, 409, {}), "UsernameTaken", {}],
    ["400 with words", (r) => json(r, 400, { message: "User already exists" }), "UsernameTaken", {}],
    [
      "402 with code 2005",
      (r) => json(r, 402, { code: 2005, message: "User registration is disabled." }),
      "RegistrationClosed",
      {},
    ],
    [
      "403 with code 2003",
      (r) => json(r, 403, { code: 2003, message: "Invalid request" }),
      "ServerRefused",
      { kosync_code: 2003 },
    ],
    ["403 without a code", (r) => json(r, 403, { message: "Registration is off" }), "RegistrationClosed", {}],
    ["404", (r) => json(r, 404, {}), "RegistrationClosed", {}],
    ["405", (r) => json(r, 405, {}), "RegistrationClosed", {}],
    ["500", (r) => json(r, 500, {}), "ServerRefused", { status: 500 }],
  ])("%s", async (_name, reply, kind, data) => {
    const { url } = await startRegistering(reply);
    await expect(connect(url).register()).rejects.toMatchObject({ kind, data: { url, ...data } });
  });

  test.each([200, 201])("%i is a new account", async (status) => {
    const { url, heard } = await startRegistering((response) => json(response, status, { username: "reader" }));
    await connect(url).register();
    expect(heard).toHaveLength(1);
  });

  test.each<[string, Reply]>([
    ["201 and nothing else", raw(201, "", "")],
    ["201 in text", raw(201, "text/plain", "Created")],
  ])("%s is a new account", async (_name, reply) => {
    const { url, heard } = await startRegistering(reply);
    expect(await connect(url).register()).toEqual({ url, shown: true });
    expect(heard).toHaveLength(1);
  });

  test.each<[string, Reply]>([
    ["200 and nothing else", raw(200, "", "")],
    ["204", (response) => response.writeHead(204).end()],
    ["OK", raw(200, "text/plain", "OK")],
  ])("%s is one if the account is there", async (_name, reply) => {
    const { url } = await serve(reply);
    expect(await connect(url).register()).toEqual({ url, shown: true });
    const nobody = await startRegistering(reply);
    await expect(connect(nobody.url).register()).rejects.toMatchObject({ kind: "Unauthorized" });
  });

  test("blanks around a name, which no header can carry, are none of the account's", async () => {
    const { url, heard } = await startRegistering((response) => json(response, 201, { username: "reader" }));
    await connect(url, { username: " reader " }).register();
    expect(JSON.parse(heard[0]?.body ?? "")).toMatchObject({ username: "reader" });
  });

  test("404 at a wrong address is not a closed registration", async () => {
    const { url } = await serveAll(raw(404, "text/html", "<html>"));
    await expect(connect(url).register()).rejects.toMatchObject({ kind: "NotKosyncServer" });
  });

  test("a name taken by our own try, whose answer was lost, is ours", async () => {
    let tries = 0;
    const { url } = await serve((response) => {
      tries += 1;
      if (tries === 1) response.socket?.resetAndDestroy();
      else json(response, 402, { code: 2002, message: "Username is already registered." });
    });
    expect(await connect(url).register()).toEqual({ url, shown: true });
    expect(tries).toBe(2);
  });
});

/** Nobody is known yet: a login is wrong, as on a kosync server before the registration. */
function startRegistering(reply: Reply): Promise<OddServer> {
  return serveAll((response, heard, request) => {
    if (heard.path === "/users/auth") json(response, 401, { code: 2001, message: "Unauthorized" });
    else reply(response, heard, request);
  });
}

describe("redirects", () => {
  test("to another path of the same host, which later requests take at once", async () => {
    const { url, heard } = await serveAll((response, { path, method }) => {
      if (!path.startsWith("/kosync/")) response.writeHead(308, { location: `/kosync${path}` }).end();
      else json(response, 200, method === "PUT" ? { document: DOCUMENT, timestamp: RECORD.timestamp } : RECORD);
    });
    const client = connect(url);
    expect(await client.putProgress(TO_PUT)).toEqual({ timestamp: RECORD.timestamp });
    expect(await client.getProgress(DOCUMENT)).toEqual(RECORD);
    expect(heard.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "PUT /syncs/progress",
      "PUT /kosync/syncs/progress",
      `GET /kosync/syncs/progress/${DOCUMENT}`,
    ]);
    expect(JSON.parse(heard[1]?.body ?? "")).toEqual(TO_PUT);
  });

  test("to another host are not followed: the key stays here, and the other address is told", async () => {
    const other = await serveAll((response) => json(response, 200, RECORD));
    const { url } = await serve((response, { path }) =>
      response.writeHead(301, { location: `http://localhost:${other.port}/kosync${path}` }).end(),
    );
    await expect(connect(url).getProgress(DOCUMENT)).rejects.toMatchObject({
      kind: "OtherAddress",
      data: { url, found: `http://localhost:${other.port}/kosync`, by: "redirect" },
    });
    expect(other.heard).toEqual([]);
  });

  test("that go to a login page on the same site leave the address as it was", async () => {
    const { url, heard } = await serveAll((response, { path }) => {
      if (path.startsWith("/login"))
        raw(200, "text/html", "<input type=password>")(response, heard[0]!, undefined as never);
      else response.writeHead(302, { location: `/login?next=${path}` }).end();
    });
    const client = connect(url);
    for (let time = 0; time < 2; time += 1) {
      await expect(client.authorize()).rejects.toMatchObject({ kind: "BehindLogin", data: { url } });
    }
    expect(heard.map(({ path }) => path)).toEqual([
      "/users/auth",
      "/login?next=/users/auth",
      "/users/auth",
      "/login?next=/users/auth",
    ]);
  });

  test("in circles end", async () => {
    const { url, heard } = await serve((response, { path }) => response.writeHead(302, { location: path }).end());
    await expect(connect(url).getProgress(DOCUMENT)).rejects.toMatchObject({ data: { status: 302 } });
    expect(heard).toHaveLength(5);
  });
});
