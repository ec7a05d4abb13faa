import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, login, serve } from "../support/serving.ts";
import type { Answer, Question, Serving } from "../support/serving.ts";
import { STORE_KINDS } from "../support/stores.ts";

const NOW = 1_700_000_000;
const POSITION = { document: "a", progress: "/body/DocFragment[2]/body/p[3]", percentage: 0.5, device: "Kobo" };

function brief({ status, json }: Answer): unknown {
  return { status, body: json };
}
const refusal = (status: number, code: number, message: string) => ({ status, body: { code, message } });
const UNAUTHORIZED = refusal(401, 2001, "Unauthorized");
const INVALID = refusal(403, 2003, "Invalid request");
const NO_DOCUMENT = refusal(403, 2004, "Field 'document' not provided.");
const BROKEN = refusal(400, 103, "Could not parse JSON in body.");
const NO_OBJECT = refusal(400, 104, "Body should be a JSON hash.");

const ids = (list: readonly { type: string; value: string }[]): string =>
  list.map(({ type, value }) => `${type}:${value}`).join(",");

describe.each(STORE_KINDS)("the protocol on a %s store", (kind) => {
  let serving: Serving;
  let now = NOW;
  beforeAll(async () => {
    serving = await serve(kind, {
      clock: () => now,
      limits: {
        registrations: { burst: 10_000, refillSeconds: 1 },
        failuresPerAddress: { burst: 10_000, refillSeconds: 1 },
      },
    });
  });
  afterAll(() => serving.close());

  const send = (question: Question): Promise<Answer> => ask(serving.server.port, question);
  const register = (username: unknown, password: unknown): Promise<Answer> =>
    send({ method: "POST", path: "/users/create", body: JSON.stringify({ username, password }) });
  const put = (username: string, body: object, headers = {}): Promise<Answer> =>
    send({
      method: "PUT",
      path: "/syncs/progress",
      headers: { ...login(username), ...headers },
      body: JSON.stringify(body),
    });
  const get = (username: string, document: string): Promise<Answer> =>
    send({ method: "GET", path: `/syncs/progress/${document}`, headers: login(username) });
  const change = (username: string, key: string, password: unknown): Promise<Answer> =>
    send({
      method: "PUT",
      path: "/users/password",
      headers: login(username, key),
      body: JSON.stringify({ password }),
    });
  const leave = (username: string, key = `key-${username}`): Promise<Answer> =>
    send({ method: "DELETE", path: "/users/me", headers: login(username, key) });
  const list = (username: string, query = "", headers = {}): Promise<Answer> =>
    send({
      method: "GET",
      path: `/koreader-progress/v1/documents${query}`,
      headers: { ...login(username), ...headers },
    });
  async function account(username: string): Promise<string> {
    expect((await register(username, `key-${username}`)).status).toBe(201);
    return username;
  }

  test("GET /healthcheck is 200 {state: OK}, without an account and without Accept", async () => {
    expect(brief(await send({ method: "GET", path: "/healthcheck" }))).toEqual({ status: 200, body: { state: "OK" } });
  });

  test("every answer is application/json", async () => {
    const name = await account("json");
    const answers = await Promise.all([
      send({ method: "GET", path: "/healthcheck" }),
      send({ method: "GET", path: "/users/auth" }),
      send({ method: "GET", path: "/nowhere" }),
      put(name, POSITION),
      get(name, "unknown"),
    ]);
    for (const { headers } of answers) expect(headers["content-type"]).toMatch(/^application\/json/);
  });

  describe("POST /users/create", () => {
    test("is 201 with the name", async () => {
      expect(brief(await register("new", "k"))).toEqual({ status: 201, body: { username: "new" } });
    });

    test("is 402/2002 for a name that is taken", async () => {
      await account("taken");
      expect(brief(await register("taken", "other"))).toEqual(refusal(402, 2002, "Username is already registered."));
    });

    test("gives a name asked for twice at once to one alone", async () => {
      const answers = await Promise.all([register("race", "1"), register("race", "2"), register("race", "3")]);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 402, 402]);
    });

    test.each([
      ["an empty name", { username: "", password: "x" }],
      ["a colon in the name", { username: "a:b", password: "x" }],
      ["no name", { password: "x" }],
      ["a number for a name", { username: 1, password: "x" }],
      ["an empty password", { username: "p1", password: "" }],
      ["no password", { username: "p2" }],
      ["an object for a password", { username: "p3", password: {} }],
      ["a name without a UTF-8 form", { username: "\ud800", password: "x" }],
      ["a name with a line end", { username: "a\nb", password: "x" }],
      ["a name with a NUL", { username: "a\0", password: "x" }],
      ["a name that ends with a blank", { username: "sam ", password: "x" }],
      ["a name that begins with a tab", { username: "\tsam", password: "x" }],
      ["a name of more than 256 bytes", { username: "ä".repeat(129), password: "x" }],
      ["the key of an empty password", { username: "p4", password: "d41d8cd98f00b204e9800998ecf8427e" }],
      ["a key that no header can carry", { username: "p5", password: "a\nb" }],
      ["a key that looks like a stored one", { username: "p6", password: "scrypt$1048576$8$1$a$b" }],
    ])("is 403/2003 for %s", async (_what, body) => {
      const question = { method: "POST", path: "/users/create", body: JSON.stringify(body) };
      expect(brief(await send(question))).toEqual(INVALID);
    });

    test.each(["Zoë Ångström", "名前", "a b", "a/b?c=d&e#f%2e", "..", "*", "x'\"\\", "a\tb"])(
      "takes the name %s, and lets it in",
      async (name) => {
        await account(name);
        expect((await send({ method: "GET", path: "/users/auth", headers: login(name) })).status).toBe(200);
        expect((await put(name, { ...POSITION, device: name })).status).toBe(200);
        expect((await get(name, "a")).json).toMatchObject({ device: name });
      },
    );

    test("takes a key of any form, and compares its case", async () => {
      expect((await register("free key", "Not an MD5 – ÄÖ")).status).toBe(201);
      const statuses = [];
      for (const key of ["Not an MD5 – ÄÖ", "not an md5 – äö"]) {
        const answer = await send({ method: "GET", path: "/users/auth", headers: login("free key", key) });
        statuses.push(answer.status);
      }
      expect(statuses).toEqual([200, 401]);
    });
  });

  describe("GET /users/auth", () => {
    test("is 200 for the right key", async () => {
      const name = await account("authorized");
      const answer = await send({ method: "GET", path: "/users/auth", headers: login(name) });
      expect(brief(answer)).toEqual({ status: 200, body: { authorized: "OK" } });
    });

    test.each([
      ["no headers", {}],
      ["no key", { "x-auth-user": "strict" }],
      ["no name", { "x-auth-key": "key-strict" }],
      ["an empty key", { "x-auth-user": "strict", "x-auth-key": "" }],
      ["a wrong key", login("strict", "wrong")],
      ["a key with more behind it", login("strict", "key-strict2")],
      ["an unknown name", login("strict2", "key-strict")],
      ["another case of the name", login("STRICT", "key-strict")],
      ["a name with a colon", login("strict:key", "key-strict")],
    ])("is 401/2001, the same words for all, for %s", async (_what, headers) => {
      await register("strict", "key-strict");
      expect(brief(await send({ method: "GET", path: "/users/auth", headers }))).toEqual(UNAUTHORIZED);
    });
  });

  describe("PUT /syncs/progress", () => {
    test("is 200 with exactly the document and the server's own time", async () => {
      const name = await account("writer");
      const answer = await put(name, { ...POSITION, timestamp: 5, device_id: "X", metadata: { title: "T" } });
      expect(brief(answer)).toEqual({ status: 200, body: { document: "a", timestamp: NOW } });
    });

    test("is 401 before anything else is looked at", async () => {
      const answer = await send({ method: "PUT", path: "/syncs/progress", headers: login("stranger"), body: "{" });
      expect(brief(answer)).toEqual(UNAUTHORIZED);
    });

    test.each([
      ["none", undefined],
      ["an empty one", ""],
      ["an empty colon-bearing one", ":"],
      ["one with a colon", "a:b"],
      ["a number", 7],
      ["null", null],
      ["one of more than 256 bytes", "x".repeat(257)],
      ["one of more than 256 bytes in fewer characters", "名".repeat(86)],
    ])("is 403/2004 for a document that is %s", async (_what, document) => {
      await register("careless", "key-careless");
      expect(brief(await put("careless", { ...POSITION, document }))).toEqual(NO_DOCUMENT);
    });

    test.each([
      ["no percentage", { percentage: undefined }],
      ["a null percentage", { percentage: null }],
      ["words for a percentage", { percentage: "half" }],
      ["an empty percentage", { percentage: "" }],
      ["a percentage below 0", { percentage: -0.1 }],
      ["a percentage above 1", { percentage: 1.5 }],
      ["no progress", { progress: undefined }],
      ["a list for progress", { progress: ["/body"] }],
      ["no device", { device: undefined }],
      ["an object for a device", { device: {} }],
      ["progress that cannot come back as it was", { progress: "\udc00" }],
      ["more progress than a place needs", { progress: "名".repeat(1366) }],
      ["a device of more than 256 bytes", { device: "x".repeat(257) }],
    ])("is 403/2003 for %s", async (_what, changes) => {
      await register("careless", "key-careless");
      expect(brief(await put("careless", { ...POSITION, ...changes }))).toEqual(INVALID);
      expect(brief(await get("careless", "a"))).toEqual({ status: 200, body: {} });
    });

    test.each([
      [56, "56"],
      [0, "0"],
      [12.5, "12.5"],
    ])("takes the page %j of an old reader, and gives it back as text", async (progress, text) => {
      const name = await account(`page ${progress}`);
      expect((await put(name, { ...POSITION, progress })).status).toBe(200);
      expect((await get(name, "a")).json).toMatchObject({ progress: text });
      // Known by now, it goes the shorter way.
      expect((await put(name, { ...POSITION, progress, document: "b" })).status).toBe(200);
      expect((await get(name, "b")).json).toMatchObject({ progress: text });
    });

    test("takes progress of 4096 bytes, and a device and an id of 256", async () => {
      const name = await account("large");
      const write = { ...POSITION, document: "d".repeat(256), progress: "p".repeat(4096), device: "名".repeat(85) };
      expect((await put(name, write)).status).toBe(200);
      expect((await get(name, write.document)).json).toMatchObject(write);
    });

    test("cuts metadata to whole characters, and a device id that is too long counts as not sent", async () => {
      const name = await account("wordy");
      const metadata = { title: "🦎".repeat(100), authors: "a".repeat(257), filename: "kept.epub" };
      await put(name, { ...POSITION, metadata, device_id: "x".repeat(257) });
      expect((await list(name)).json).toMatchObject({
        documents: [{ metadata: { title: "🦎".repeat(64), authors: "a".repeat(256), filename: "kept.epub" } }],
      });
      expect((await get(name, "a")).json).not.toHaveProperty("device_id");
    });

    test.each([0, 1, 0.123_456_789_012_345_6])("takes the percentage %d and gives it back", async (percentage) => {
      const name = await account(`share ${percentage}`);
      await put(name, { ...POSITION, percentage });
      expect((await get(name, "a")).json).toMatchObject({ percentage });
    });

    test("takes a percentage written as text, as the reference server does", async () => {
      const name = await account("text share");
      await put(name, { ...POSITION, percentage: "0.25" });
      expect((await get(name, "a")).json).toMatchObject({ percentage: 0.25 });
    });

    test("the last write wins, backwards too", async () => {
      const name = await account("backwards");
      await put(name, { ...POSITION, percentage: 0.9 });
      now = NOW + 60;
      await put(name, { ...POSITION, percentage: 0.1 });
      now = NOW;
      expect((await get(name, "a")).json).toMatchObject({ percentage: 0.1, timestamp: NOW + 60 });
    });

    test.each([
      undefined,
      "application/json",
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "nonsense",
      "application/json; charset=latin1",
      ";;;",
    ])("reads the body as JSON when its Content-Type is %s", async (type) => {
      const name = await account(`type ${type}`);
      expect((await put(name, POSITION, type === undefined ? {} : { "content-type": type })).status).toBe(200);
    });

    test.each(["", "{", "nonsense", '{"document":"a",}', "\u{feff}{}", Buffer.from([0x22, 0xff, 0x22])])(
      "is 400/103 for a body that is no JSON: %j",
      async (body) => {
        await register("broken", "key-broken");
        const question = { method: "PUT", path: "/syncs/progress", headers: login("broken"), body };
        expect(brief(await send(question))).toEqual(BROKEN);
      },
    );

    test("is 400/103 without a body", async () => {
      await register("broken", "key-broken");
      const answer = await send({ method: "PUT", path: "/syncs/progress", headers: login("broken") });
      expect(brief(answer)).toEqual(BROKEN);
    });

    test.each(["[]", '[{"document":"a"}]', "1", '"text"', "null", "true"])(
      "is 400/104 for the body %s",
      async (body) => {
        await register("broken", "key-broken");
        const question = { method: "PUT", path: "/syncs/progress", headers: login("broken"), body };
        expect(brief(await send(question))).toEqual(NO_OBJECT);
        expect(brief(await send({ method: "POST", path: "/users/create", body }))).toEqual(NO_OBJECT);
      },
    );

    test.each([
      [null],
      ["text"],
      [[]],
      [{}],
      [{ title: 5, authors: { a: 1 } }],
      [{ filename: "\ud800" }],
      [{ title: "x".repeat(9000) }],
    ])("never fails because of the metadata %j", async (metadata) => {
      await register("odd metadata", "key-odd metadata");
      expect((await put("odd metadata", { ...POSITION, metadata })).status).toBe(200);
    });

    test.each([[null], [5], [{}]])("never fails because of the device id %j", async (device_id) => {
      const name = await account(`device id ${JSON.stringify(device_id)}`);
      expect((await put(name, { ...POSITION, device_id })).status).toBe(200);
      expect((await get(name, "a")).json).not.toHaveProperty("device_id");
    });

    test("a write that races with the account's deletion is 401 and leaves nothing, or is gone with it", async () => {
      const name = await account("racer");
      const writes = Array.from({ length: 20 }, (_, index) => put(name, { ...POSITION, document: `d${index}` }));
      const gone = send({ method: "DELETE", path: "/users/me", headers: login(name) });
      const statuses = (await Promise.all(writes)).map(({ status }) => status);
      expect((await gone).status).toBe(200);
      expect(statuses.filter((status) => status !== 200 && status !== 401)).toEqual([]);
      await account(name);
      const reads = await Promise.all(statuses.map((_, index) => get(name, `d${index}`)));
      expect(reads.map(({ json }) => json)).toEqual(statuses.map(() => ({})));
    });
  });

  describe("GET /syncs/progress/:document", () => {
    test("gives the record, with the device id if one was ever sent, and never metadata", async () => {
      const name = await account("reader");
      await put(name, { ...POSITION, metadata: { title: "T" } });
      expect(brief(await get(name, "a"))).toEqual({ status: 200, body: { ...POSITION, timestamp: NOW } });
      await put(name, { ...POSITION, device_id: "X" });
      await put(name, POSITION);
      expect(brief(await get(name, "a"))).toEqual({
        status: 200,
        body: { ...POSITION, device_id: "X", timestamp: NOW },
      });
    });

    test("is 200 {} for an unknown document", async () => {
      const name = await account("curious");
      expect(brief(await get(name, "unknown"))).toEqual({ status: 200, body: {} });
    });

    test("is 401 for a stranger, whatever he asks", async () => {
      expect(brief(await get("stranger", "a"))).toEqual(UNAUTHORIZED);
      expect(brief(await get("stranger", "a:b"))).toEqual(UNAUTHORIZED);
      expect(brief(await get("stranger", ""))).toEqual(UNAUTHORIZED);
    });

    test.each(["a:b", "a%3Ab", ""])("is 403/2004 for the document %j", async (document) => {
      await register("curious2", "key-curious2");
      expect(brief(await get("curious2", document))).toEqual(NO_DOCUMENT);
    });

    test.each([
      "0b229176d4e8db7f6d2b5a4952368d7a",
      "with-hyphen",
      "with.dots.epub",
      "..",
      ".",
      "a/b",
      "a b",
      "a%2Fb",
      "a?ids=b",
      "a#b",
      "Žluť 🦎",
      "a\0b",
      "*",
      "x".repeat(256),
      "名".repeat(85),
    ])("reads what PUT accepted: %j", async (document) => {
      await register("any id", "key-any id");
      const progress = `at ${document}`;
      expect((await put("any id", { ...POSITION, document, progress })).json).toEqual({ document, timestamp: NOW });
      expect((await get("any id", encodeURIComponent(document))).json).toMatchObject({ document, progress });
    });

    test("does not mix up ids that only look alike", async () => {
      const name = await account("look alike");
      const ids = ["a", "A", "a ", "ä", "a\u0308", "a\0", "a\0b"];
      for (const id of ids) await put(name, { ...POSITION, document: id, progress: JSON.stringify(id) });
      for (const id of ids) {
        expect((await get(name, encodeURIComponent(id))).json).toMatchObject({ progress: JSON.stringify(id) });
      }
    });
  });

  describe("PUT /users/password", () => {
    test("changes the key and keeps the positions", async () => {
      const name = await account("changer");
      await put(name, POSITION);
      expect(brief(await change(name, "key-changer", "next"))).toEqual({ status: 200, body: { updated: true } });
      expect(brief(await get(name, "a"))).toEqual(UNAUTHORIZED);
      const headers = login(name, "next");
      expect((await send({ method: "GET", path: "/syncs/progress/a", headers })).json).toMatchObject(POSITION);
    });

    test("lets one of two who change from the same key through", async () => {
      const name = await account("both");
      const answers = await Promise.all([change(name, "key-both", "one"), change(name, "key-both", "two")]);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401]);
    });

    test.each([
      [undefined],
      [""],
      [5],
      [null],
      ["d41d8cd98f00b204e9800998ecf8427e"],
      ["scrypt$16$1$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
    ])("is 403/2003 for the new password %j", async (password) => {
      await register("picky", "key-picky");
      expect(brief(await change("picky", "key-picky", password))).toEqual(INVALID);
    });

    test("is 401 for a wrong key", async () => {
      await register("picky", "key-picky");
      expect(brief(await change("picky", "wrong", "next"))).toEqual(UNAUTHORIZED);
    });
  });

  describe("DELETE /users/me", () => {
    test("removes everything and leaves no trace: the name can be taken again, and is empty", async () => {
      const name = await account("leaver");
      await put(name, POSITION);
      expect(brief(await leave(name))).toEqual({ status: 200, body: { deleted: true } });
      expect(brief(await get(name, "a"))).toEqual(UNAUTHORIZED);
      await account(name);
      expect(brief(await get(name, "a"))).toEqual({ status: 200, body: {} });
    });

    test("is 404/2006 for an unknown account, 401 for a wrong key or none", async () => {
      expect(brief(await leave("never there"))).toEqual(refusal(404, 2006, "Account not found."));
      await account("stayer");
      expect(brief(await leave("stayer", "wrong"))).toEqual(UNAUTHORIZED);
      expect(brief(await send({ method: "DELETE", path: "/users/me" }))).toEqual(UNAUTHORIZED);
    });
  });

  test.each([
    ["GET", "/nowhere"],
    ["GET", "/syncs/progress"],
    ["GET", "/syncs/progress/a/b"],
    ["POST", "/syncs/progress"],
    ["DELETE", "/syncs/progress/a"],
    ["GET", "/users/create"],
    ["PATCH", "/users/auth"],
    ["PUT", "/users/me"],
    ["OPTIONS", "/users/auth"],
    ["PROPFIND", "/healthcheck"],
    ["GET", "/v1/healthcheck"],
    ["GET", "/users/auth/"],
    ["GET", "//users/auth"],
    ["GET", "/syncs/progress/%zz"],
    ["GET", "/syncs/progress/%ff"],
  ])("%s %s is outside the table: 404 as JSON", async (method, path) => {
    const answer = await send({ method, path, headers: login("x"), ...(method === "GET" ? {} : { body: "{}" }) });
    expect(brief(answer)).toEqual(refusal(404, 404, "Not found."));
  });

  test("HEAD answers like GET, without the body", async () => {
    const name = await account("header");
    await put(name, POSITION);
    const full = await get(name, "a");
    const answer = await send({ method: "HEAD", path: "/syncs/progress/a", headers: login(name) });
    expect(answer.text).toBe("");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-length"]).toBe(full.headers["content-length"]);
    expect((await send({ method: "HEAD", path: "/users/auth" })).status).toBe(401);
  });

  describe("identifiers", () => {
    const original = [
      { type: "content", value: "C1" },
      { type: "structure", value: "S1" },
      { type: "filename", value: "F1" },
    ];

    test("a request that names none is answered as ever, and follows no alias", async () => {
      const name = await account("plain");
      await put(name, { ...POSITION, document: "C1", identifiers: original });
      expect((await get(name, "C1")).json).toEqual({ ...POSITION, document: "C1", timestamp: NOW });
      expect((await get(name, "S1")).json).toEqual({});
    });

    test("PUT answers the canonical document and what matched; GET adds what the last writer shares", async () => {
      const name = await account("identified");
      expect((await put(name, { ...POSITION, document: "C1", identifiers: original })).json).toEqual({
        document: "C1",
        match: "content",
        timestamp: NOW,
      });
      const repack = [{ type: "content", value: "C2" }, ...original.slice(1)];
      expect((await get(name, `C2?ids=${ids(repack)}`)).json).toEqual({
        ...POSITION,
        document: "C1",
        timestamp: NOW,
        match: "structure",
        progress_match: "structure",
      });
      expect((await put(name, { ...POSITION, document: "C2", identifiers: repack, progress: "x" })).json).toMatchObject(
        {
          document: "C1",
          match: "structure",
        },
      );
      // Found by its own digest, but written by a copy that shares only the structure.
      expect((await get(name, `C1?ids=${ids(original)}`)).json).toMatchObject({
        match: "content",
        progress_match: "structure",
      });
    });

    test("progress_match is none when the writer shares nothing, and match when the writer named nothing", async () => {
      const name = await account("sharing");
      await put(name, { ...POSITION, document: "C1", identifiers: original });
      await put(name, { ...POSITION, document: "Z", identifiers: [{ type: "other", value: "Z" }, original[0]] });
      expect((await get(name, "F1?ids=filename:F1")).json).toMatchObject({ match: "filename", progress_match: "none" });
      await put(name, { ...POSITION, document: "C1" });
      expect((await get(name, "F1?ids=filename:F1")).json).toMatchObject({ progress_match: "filename" });
    });

    test("a push that shares only a weak name with another book leaves that book's place alone", async () => {
      const name = await account("same name");
      const other = [
        { type: "content", value: "C1" },
        { type: "filename", value: "F1" },
      ];
      await put(name, { ...POSITION, document: "C1", identifiers: other, progress: "theirs" });
      const own = [
        { type: "content", value: "C2" },
        { type: "filename", value: "F1", weak: true },
      ];
      expect((await put(name, { ...POSITION, document: "C2", identifiers: own })).json).toMatchObject({
        document: "C2",
        match: "content",
      });
      expect((await get(name, "C1")).json).toMatchObject({ progress: "theirs" });
      expect((await get(name, `C9?ids=content:C9,filename:F1`)).json).toMatchObject({ document: "C1" });
    });

    test("a miss is 200 {}", async () => {
      const name = await account("misser");
      expect(brief(await get(name, "C9?ids=content:C9,structure:S9"))).toEqual({ status: 200, body: {} });
    });

    const many = Array.from({ length: 9 }, (_, index) => ({
      type: `t${index}`,
      value: index === 0 ? "a" : `v${index}`,
    }));
    test.each([
      ["no list", "content:a"],
      ["an empty list", []],
      ["more than eight", many],
      [
        "a duplicate type",
        [
          { type: "content", value: "a" },
          { type: "content", value: "b" },
        ],
      ],
      ["a bad type", [{ type: "Content", value: "a" }]],
      ["a type too long", [{ type: "t".repeat(33), value: "a" }]],
      [
        "a bad value",
        [
          { type: "content", value: "a" },
          { type: "x", value: "-b" },
        ],
      ],
      [
        "a value too long",
        [
          { type: "content", value: "a" },
          { type: "x", value: "b".repeat(129) },
        ],
      ],
      ["no value", [{ type: "content" }]],
      ["a list without the document", [{ type: "content", value: "b" }]],
      ["weakness that is no boolean", [{ type: "content", value: "a", weak: "true" }]],
      ["weakness that is null", [{ type: "content", value: "a", weak: null }]],
      ["null", null],
    ])("PUT is 403/2003 for %s", async (_what, identifiers) => {
      await register("sloppy", "key-sloppy");
      expect(brief(await put("sloppy", { ...POSITION, identifiers }))).toEqual(INVALID);
    });

    test.each(["", "a", "content:b", "content:a:b", "content:a,", "content:a,content:b", "content:a&ids=content:a"])(
      "GET is 403/2003 for ?ids=%s",
      async (query) => {
        await register("sloppy", "key-sloppy");
        expect(brief(await get("sloppy", `a?ids=${query}`))).toEqual(INVALID);
      },
    );
  });

  describe("beyond the protocol", () => {
    test("lists all documents with metadata, and only those since a second", async () => {
      const name = await account("lister");
      await put(name, { ...POSITION, device_id: "X", metadata: { title: "T" } });
      now = NOW + 100;
      await put(name, { ...POSITION, document: "b" });
      const all = await list(name);
      now = NOW;
      expect(all.json).toEqual({
        documents: [
          { ...POSITION, device_id: "X", metadata: { title: "T" }, timestamp: NOW },
          { ...POSITION, document: "b", timestamp: NOW + 100 },
        ],
        next: null,
        now: NOW + 100,
      });
      expect((await list(name, `?since=${NOW + 100}`)).json).toMatchObject({ documents: [{ document: "b" }] });
      expect((await list(name, `?since=${NOW + 101}`)).json).toMatchObject({ documents: [] });
    });

    test("gives pages, and each document once", async () => {
      const name = await account("pager");
      for (const document of ["e", "d", "c", "b/ä", "a"]) await put(name, { ...POSITION, document });
      expect((await list(name, "?limit=3")).json).toMatchObject({
        documents: [{ document: "a" }, { document: "b/ä" }, { document: "c" }],
        next: "c",
      });
      expect((await list(name, "?limit=3&after=c")).json).toMatchObject({
        documents: [{ document: "d" }, { document: "e" }],
        next: null,
      });
    });

    test("answers 304 until something changes", async () => {
      const name = await account("tagged");
      await put(name, POSITION);
      const { headers } = await list(name);
      const known = { "if-none-match": headers["etag"] ?? "" };
      expect(await list(name, "", known)).toMatchObject({ status: 304, text: "" });
      await put(name, { ...POSITION, percentage: 0.6 });
      expect((await list(name, "", known)).status).toBe(200);
    });

    test.each(["?since=-1", "?since=x", "?limit=0", "?limit=99999", "?after="])("refuses %s", async (query) => {
      await register("sloppy", "key-sloppy");
      expect(brief(await list("sloppy", query))).toEqual(INVALID);
    });

    test("shows a document's history, from which an overwritten position can be put back", async () => {
      const name = await account("historian");
      await put(name, { ...POSITION, document: "a/b", progress: "1", device_id: "X" });
      await put(name, { ...POSITION, document: "a/b", progress: "2", device: "Kindle" });
      const path = "/koreader-progress/v1/documents/a%2Fb/history";
      const { json } = await send({ method: "GET", path, headers: login(name) });
      expect(json).toEqual({
        document: "a/b",
        history: [
          { progress: "2", percentage: 0.5, device: "Kindle", device_id: "X", timestamp: NOW },
          { progress: "1", percentage: 0.5, device: "Kobo", device_id: "X", timestamp: NOW },
        ],
      });
    });

    test("deletes one document, and says whether there was one", async () => {
      const name = await account("deleter");
      await put(name, POSITION);
      const question = { method: "DELETE", path: "/koreader-progress/v1/documents/a", headers: login(name) };
      expect(brief(await send(question))).toEqual({ status: 200, body: { deleted: true } });
      expect(brief(await send(question))).toEqual({ status: 200, body: { deleted: false } });
      expect((await get(name, "a")).json).toEqual({});
    });

    test("tells that it is there with authorize and healthcheck, and is closed to strangers", async () => {
      const name = await account("finder");
      const auth = await send({ method: "GET", path: "/users/auth", headers: login(name) });
      expect(auth.headers["koreader-progress-api"]).toBe("1");
      for (const path of ["documents", "documents/a/history"]) {
        const answer = await send({ method: "GET", path: `/koreader-progress/v1/${path}`, headers: login("stranger") });
        expect(brief(answer)).toEqual(UNAUTHORIZED);
      }
    });
  });

  describe("one reader and another", () => {
    test("with the same document each have their own position, history and list", async () => {
      const [ann, bob] = [await account("ann"), await account("bob")];
      await put(ann, { ...POSITION, progress: "ann's" });
      expect((await get(bob, "a")).json).toEqual({});
      await put(bob, { ...POSITION, progress: "bob's" });
      expect((await get(ann, "a")).json).toMatchObject({ progress: "ann's" });
      const path = "/koreader-progress/v1/documents/a";
      await send({ method: "DELETE", path, headers: login(bob) });
      expect((await get(ann, "a")).json).toMatchObject({ progress: "ann's" });
    });

    test.each([
      "ann:document:a",
      "ann2:document:a",
      "../ann/a",
      "ann%00",
      "document:a",
      "user:ann:document:a",
      "*",
      "%",
    ])("the guess %s leads to nobody else's", async (guess) => {
      await register("ann2", "key-ann2");
      await register("guesser", "key-guesser");
      await put("ann2", POSITION);
      const answer = await get("guesser", encodeURIComponent(guess));
      expect([INVALID, NO_DOCUMENT, { status: 200, body: {} }]).toContainEqual(brief(answer));
    });

    test("names that begin alike stay apart", async () => {
      const names = ["sam", "sam-", "sam\tx", "sam*", "samantha"];
      for (const name of names) expect((await register(name, "k")).status).toBe(201);
      await send({
        method: "PUT",
        path: "/syncs/progress",
        headers: login("sam", "k"),
        body: JSON.stringify(POSITION),
      });
      const leave = await send({ method: "DELETE", path: "/users/me", headers: login("samantha", "k") });
      expect(leave.status).toBe(200);
      const read = await send({ method: "GET", path: "/syncs/progress/a", headers: login("sam", "k") });
      expect(read.json).toMatchObject(POSITION);
    });
  });
});
