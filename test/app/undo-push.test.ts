/** Taking a push back, against a real server of our own and one that speaks plain kosync alone. */
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KosyncClient } from "../../src/app/ports.ts";
import { push } from "../../src/app/push.ts";
import { undoPush } from "../../src/app/undo-push.ts";
import { openKosyncClient, startServer } from "../../src/compose.ts";
import type { Account } from "../../src/model/account.ts";
import type { PutBack, PutBackResult } from "../../src/model/push.ts";
import { why } from "../../src/model/why.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { type OddServer, startOddServer } from "../support/odd-server.ts";
import { accountOf } from "../support/models.ts";

const RUNNING = { signal: new AbortController().signal, progress: () => {} };
const KOBO = { percentage: 0.4, progress: "/body/DocFragment[3]/body/p[1]", device: "Kobo", device_id: "K1" };
const OURS = { percentage: 0.6, progress: "/body/DocFragment[9]/body/p[1]" };

let server: RunningServer;
let plain: OddServer;
let users = 0;
let now = 1_764_000_000;

beforeAll(async () => {
  server = await startServer({ port: 0, registration: "open", clock: () => ++now, scryptCost: { N: 16, r: 1, p: 1 } });
  // The same server, but for the paths that the protocol does not have.
  plain = await startOddServer((response, { method, path, headers, body }) => {
    if (path.includes("/koreader-progress/")) {
      response.writeHead(404).end();
      return;
    }
    const wanted = { "content-type": "application/json", "x-auth-user": "", "x-auth-key": "", accept: "" };
    for (const name of Object.keys(wanted) as (keyof typeof wanted)[])
      wanted[name] = String(headers[name] ?? wanted[name]);
    const given = { method, headers: wanted, ...(method === "GET" ? {} : { body }) };
    void passOn(`${server.url}${path}`, given, response);
  });
});

afterAll(async () => {
  await plain.close();
  await server.stop();
});

async function passOn(url: string, given: RequestInit, response: ServerResponse): Promise<void> {
  const answer = await fetch(url, given);
  response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
}

interface World {
  account: Account;
  client: KosyncClient;
  /** Pushes our place over what stands under the document, and gives what undoing it needs. */
  send: (document: string) => Promise<PutBack>;
  undo: (...put_backs: PutBack[]) => Promise<PutBackResult[]>;
  redo: (...put_backs: PutBack[]) => Promise<PutBackResult[]>;
}

async function world(url = server.url): Promise<World> {
  const account = accountOf({ url, username: `reader${++users}` });
  const client = await openKosyncClient(account);
  await client.register();
  const request = { account, library_id: "lib" };
  return {
    account,
    client,
    async send(document) {
      const before = await client.getProgress(document);
      const put = { book_id: 1, document, ...OURS, before, why: why("push_first", { percentage: OURS.percentage }) };
      const [result] = await push({ account, library_id: "lib", puts: [put] }, openKosyncClient, RUNNING);
      expect(result?.outcome).toBe("put");
      return { book_id: 1, document, ours: OURS, before };
    },
    undo: (...put_backs) => undoPush({ ...request, put_backs, again: false }, openKosyncClient, RUNNING),
    redo: (...put_backs) => undoPush({ ...request, put_backs, again: true }, openKosyncClient, RUNNING),
  };
}

test("the earlier record is put back under a name that is news to nobody, and undoing that pushes again", async () => {
  const { client, send, undo, redo } = await world();
  await client.putProgress({ document: "one", ...KOBO });
  const pushed = await send("one");
  const ours = await client.getProgress("one");
  expect(ours).toMatchObject({ ...OURS, device_id: "calibre-push-lib" });
  expect(await undo(pushed)).toMatchObject([{ outcome: "restored", timestamp: now, why: { code: "push_undone" } }]);
  const { percentage, progress } = KOBO;
  expect(await client.getProgress("one")).toMatchObject({
    percentage,
    progress,
    device_id: "calibre-koreader-progress-lib",
  });
  // Twice is once.
  expect(await undo(pushed)).toMatchObject([{ outcome: "restored", timestamp: null }]);
  const again = { book_id: 1, document: "one", ours: { percentage, progress }, before: ours };
  expect(await redo(again)).toMatchObject([{ outcome: "restored" }]);
  expect(await client.getProgress("one")).toMatchObject({ ...OURS, device_id: "calibre-push-lib" });
  await client.close();
});

test("where nothing stood before, our own server forgets the record, and undoing that puts it there again", async () => {
  const { client, send, undo, redo } = await world();
  const pushed = await send("two");
  const ours = await client.getProgress("two");
  expect(await undo(pushed)).toMatchObject([{ outcome: "removed", why: { code: "push_removed" } }]);
  expect(await client.getProgress("two")).toBeNull();
  expect(await redo({ ...pushed, ours: null, before: ours })).toMatchObject([{ outcome: "restored" }]);
  expect(await client.getProgress("two")).toMatchObject(OURS);
  await client.close();
});

test("a server that speaks plain kosync keeps what stood nowhere before, and says so", async () => {
  const { client, send, undo } = await world(plain.url);
  await client.putProgress({ document: "known", ...KOBO });
  const [known, unknown] = [await send("known"), await send("unknown")];
  const results = await undo(known, unknown);
  expect(results).toMatchObject([{ outcome: "restored" }, { outcome: "left", why: { code: "push_stays" } }]);
  expect(await client.getProgress("unknown")).toMatchObject(OURS);
  await client.close();
});

test("a device that has read on since is left where it is", async () => {
  const { client, send, undo } = await world();
  const pushed = await send("three");
  await client.putProgress({ document: "three", ...KOBO, percentage: 0.65 });
  expect(await undo(pushed)).toMatchObject([
    { outcome: "left", why: { code: "push_superseded", data: { device: "Kobo" } } },
  ]);
  expect(await client.getProgress("three")).toMatchObject({ percentage: 0.65, device: "Kobo" });
  await client.close();
});

test("a server that is gone fails each by name, and one that lets nobody in ends the whole", async () => {
  const { account, client, send } = await world();
  const pushed = await send("four");
  const request = { library_id: "lib", put_backs: [pushed], again: false };
  const gone = { ...account, url: "http://127.0.0.1:9" };
  expect(await undoPush({ ...request, account: gone }, openKosyncClient, RUNNING)).toMatchObject([
    { outcome: "failed", why: { code: "answer_failed", data: { error: "ServerUnreachable" } } },
  ]);
  const stranger = { ...account, userkey: "wrong" };
  await expect(undoPush({ ...request, account: stranger }, openKosyncClient, RUNNING)).rejects.toMatchObject({
    kind: "Unauthorized",
  });
  await client.close();
});
