/** Every kind of server in the field, by socket: logged in to by the window's way and the command line's, and synced with. */
import { afterEach, describe, expect, test } from "vitest";
import { createHandlers } from "../../../bridge/handlers.ts";
import { loggedIn } from "../../../src/cli/account-options.ts";
import { openKosyncClient } from "../../../src/compose.ts";
import { KINDS, NOW, READER, startLookalike, USERKEY } from "../../support/lookalikes.ts";
import { accountOn, json, startOddServer, type OddServer } from "../../support/odd-server.ts";

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

function opened<T extends { close(): Promise<unknown> }>(thing: T): T {
  open.push(thing);
  return thing;
}

const signal = new AbortController().signal;
const DOCUMENT = "0b229176d4e8db7f6d2b5a4952368d7a";
const PUT = {
  document: DOCUMENT,
  progress: "/body/DocFragment[2]/body/p.0",
  percentage: 0.5,
  device: "calibre",
  device_id: "c",
};

/** What the window asks, as it is asked over the bridge. */
async function authorize(account: ReturnType<typeof accountOn>): Promise<unknown> {
  const bridge = opened(createHandlers());
  return bridge.handlers["account/authorize"]({ account }, { signal, progress: () => undefined });
}

describe.each(KINDS)("$name", (kind) => {
  const account = (server: OddServer) => accountOn(`${server.url}${kind.path}`, { username: READER, userkey: USERKEY });

  test("lets the window and the command line in at the address as it is typed, and neither goes astray", async () => {
    const server = opened(await startLookalike(kind));
    const { url } = account(server);
    expect(await authorize(account(server))).toEqual({ url, username: READER, shown: kind.shown });
    expect((await loggedIn(account(server), signal)).url).toBe(url);
    expect(server.heard.filter(({ headers }) => headers["x-auth-key"] === undefined)).toEqual([]);
  });

  test.runIf(kind.turnAway !== null)("a wrong password is told as that, after one request", async () => {
    const server = opened(await startLookalike(kind));
    const failed = authorize({ ...account(server), userkey: "0".repeat(32) });
    await expect(failed).rejects.toMatchObject({ kind: "Unauthorized" });
    const hops = kind.before === undefined ? 1 : 2;
    expect(server.heard.length).toBeLessThanOrEqual(hops);
  });

  test("knows nothing of a document, keeps one, and tells it again", async () => {
    const server = opened(await startLookalike(kind));
    const client = opened(await openKosyncClient(account(server)));
    expect(await client.getProgress(DOCUMENT)).toBeNull();
    await client.putProgress(PUT);
    expect(await client.getProgress(DOCUMENT)).toEqual({
      ...PUT,
      progress: kind.place ?? PUT.progress,
      timestamp: kind.isTimeless === true ? null : NOW,
    });
    const list = await client.listDocuments();
    expect(list?.documents.map(({ progress }) => progress.document) ?? null).toEqual(
      kind.list === undefined ? null : [DOCUMENT],
    );
  });
});

describe("a server that bans an address after five failures", () => {
  test("is never brought to it by a right password, nor by one wrong one", async () => {
    let failures = 0;
    const server = opened(
      await startOddServer((response, { path, headers }) => {
        const isReader = headers["x-auth-key"] === USERKEY;
        if (failures >= 5) json(response, 429, { message: "Too many attempts" }, { "retry-after": "900" });
        else if (!isReader) {
          failures += 1;
          response.writeHead(403).end();
        } else if (path === "/users/auth") json(response, 200, { authorized: "OK" });
        else json(response, 404, {});
      }),
    );
    const wrong = authorize(accountOn(server.url, { userkey: "0".repeat(32) }));
    await expect(wrong).rejects.toMatchObject({ kind: "Unauthorized" });
    for (let run = 0; run < 10; run += 1) await loggedIn(accountOn(server.url), signal);
    expect(failures).toBe(1);
  });
});

type Reply = Parameters<typeof startOddServer>[0];
const page =
  (status: number, html: string): Reply =>
  (response) =>
    void response.writeHead(status, { "content-type": "text/html" }).end(html);

describe("what is no kosync server is refused, and told as what it is", () => {
  test.each<[string, Reply, string]>([
    ["a home page", page(200, "<!doctype html><title>My books</title>"), "NotKosyncServer"],
    ["a home page that answers every path", page(200, "<div id=root></div>"), "NotKosyncServer"],
    ["a page that is not found", page(404, "<h1>Not Found</h1>"), "NotKosyncServer"],
    [
      "another API",
      (response) => json(response, 404, { message: "Route GET:/users/auth not found" }),
      "NotKosyncServer",
    ],
    ["an API that answers everything", (response) => json(response, 200, { ok: true }), "NotKosyncServer"],
    ["an API that lists", (response) => json(response, 200, []), "NotKosyncServer"],
    ["an echo", (response, { path }) => json(response, 200, { path }), "NotKosyncServer"],
    ["a check for a network's portal: 204", (response) => response.writeHead(204).end(), "NotKosyncServer"],
    ["a check for a network's portal: Success", page(200, "<HTML><BODY>Success</BODY></HTML>"), "NotKosyncServer"],
    ["a check that answers in text", (response) => response.end("Microsoft Connect Test"), "NotKosyncServer"],
    ["a portal's page", page(200, "<form><input type='password' name=p></form>"), "BehindLogin"],
    ["a portal that says so", page(511, "<html>Sign in</html>"), "BehindLogin"],
    [
      "a portal elsewhere",
      (response) => response.writeHead(302, { location: "http://10.255.255.1/guest?u=1" }).end(),
      "BehindLogin",
    ],
    [
      "a single sign-on",
      (response, { path }) =>
        response.writeHead(302, { location: `https://auth.example.org/?rd=https%3A%2F%2Fbooks${path}` }).end(),
      "BehindLogin",
    ],
    [
      "a login page of its own",
      (response, { path }) =>
        path.startsWith("/login")
          ? page(200, "<form><input type=password></form>")(response, undefined as never, undefined as never)
          : response.writeHead(302, { location: `/login?next=${path}` }).end(),
      "BehindLogin",
    ],
  ])("%s", async (_name, reply, kind) => {
    const server = opened(await startOddServer(reply));
    await expect(authorize(accountOn(server.url))).rejects.toMatchObject({ kind });
    await expect(loggedIn(accountOn(server.url), signal)).rejects.toMatchObject({ kind });
  });
});
