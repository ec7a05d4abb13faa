/** One run that asks twice: for what is known of its books, then for what their copies may be. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Params } from "../../bridge/contract.ts";
import { createHandlers } from "../../bridge/handlers.ts";
import type { Call, Handlers } from "../../bridge/serve.ts";
import { openKosyncClient, startServer } from "../../src/compose.ts";
import type { Account } from "../../src/model/account.ts";
import type { KnownDigest } from "../../src/model/digest.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { startFront, type Front } from "../support/front.ts";
import { accountOf, bookOf, column, knownDigestOf, profileOf } from "../support/models.ts";

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");
const guess = (name: string): KnownDigest => knownDigestOf(md5(name), { source: "predicted" });

let server: RunningServer;
let listing: Front;
let listless: Front;
let handlers: Handlers;
let users = 0;

beforeAll(async () => {
  server = await startServer({ port: 0, registration: "open" });
  listing = await startFront(server.url);
  listless = await startFront(server.url, { hides: /documents|\/api\// });
});

afterAll(async () => {
  await Promise.all([listing.close(), listless.close()]);
  await server.stop();
});

beforeEach(() => {
  const made = createHandlers();
  ({ handlers } = made);
  return made.close;
});

const call = (signal = new AbortController().signal): Call => ({ signal, progress: () => {} });

/** An account of its own, and the documents that are on the server for it. */
async function accountWith(...names: string[]): Promise<Account> {
  const account = accountOf({ url: server.url, username: `u${++users}`, userkey: md5("pw") });
  const client = await openKosyncClient(account);
  await client.register();
  const record = { percentage: 0.5, progress: "/body", device: "Kobo", device_id: "K" };
  for (const name of names) await client.putProgress({ document: md5(name), ...record });
  await client.close();
  return account;
}

const asking = (account: Account): Omit<Params<"sync/planPull">, "predicts"> => ({
  run: "r",
  account,
  profile: profileOf({ columns: [column("percent", "#pct", "int", { scale: 100 })] }),
  reach: "chosen",
  settle: null,
});

/** Ten books, of which the server knows the first by what was sent and the second by a guess. */
async function sendBooks(): Promise<void> {
  const books = Array.from({ length: 10 }, (_, n) => {
    return bookOf({ book_id: n + 1, cells: { "#pct": null }, digests: [knownDigestOf(md5(`sent ${n + 1}`))] });
  });
  await handlers["sync/books"]({ run: "r", books }, call());
}

const lines = ({ heard }: Front, what: RegExp): number => heard.filter(({ line }) => what.test(line)).length;

test.each([
  ["one list", () => listing, 0],
  // The guess of the third book is what was sent of the fourth: nobody asks for that again.
  ["no question twice where there is no list", () => listless, 11],
])("predictions cost no second login, and %s", async (_what, frontOf, questions) => {
  const front = frontOf();
  const account = { ...(await accountWith("sent 1", "guessed 2")), url: front.url };
  await sendBooks();
  front.heard.length = 0;
  const asked = await handlers["sync/planPull"]({ ...asking(account), predicts: true }, call());
  expect(asked).toMatchObject({ plan: { updates: [], skipped: [] }, more: true });
  expect(asked.wants.toSorted((one, other) => one - other)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const books = [
    { book_id: 2, digests: [guess("guessed 2")] },
    { book_id: 3, digests: [guess("sent 3"), guess("sent 4")] },
  ];
  expect(await handlers["sync/predicted"]({ run: "r", books }, call())).toEqual({ received: 2 });
  const { plan, more } = await handlers["sync/next"]({ run: "r" }, call());
  expect(more).toBe(false);
  expect(plan.updates.map(({ book_id, after }) => [book_id, after])).toEqual([
    [1, 50],
    [2, 50],
  ]);
  expect(plan.digests.map(({ digest }) => digest.source)).toEqual(["sent", "predicted"]);
  expect(plan.unanswered).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  expect(new Set(plan.skipped.map(({ reason }) => reason.code))).toEqual(new Set(["not_on_server"]));
  // What the whole run is about is said once.
  expect(plan.review).toHaveLength(0);
  expect(lines(front, /users\/auth/)).toBe(1);
  expect(lines(front, /v1\/documents$/)).toBe(1);
  expect(lines(front, /GET \/syncs\/progress/)).toBe(questions);
});

test("who predicts nothing gets the plan at once", async () => {
  const account = await accountWith("sent 1");
  await sendBooks();
  const asked = await handlers["sync/planPull"]({ ...asking(account), predicts: false }, call());
  expect(asked).toMatchObject({ wants: [], more: false, plan: { updates: [{ book_id: 1 }] } });
});

test("a server that falls silent before the guesses has lost nothing of what was heard", async () => {
  const own = await startServer({ port: 0, registration: "open" });
  const account = accountOf({ url: own.url, username: "u", userkey: md5("pw") });
  const client = await openKosyncClient(account);
  await client.register();
  const record = { percentage: 0.5, progress: "/body", device: "Kobo", device_id: "K" };
  await client.putProgress({ document: md5("sent 1"), ...record });
  await client.close();
  const front = await startFront(own.url, { hides: /documents|\/api\// });
  await sendBooks();
  const { wants } = await handlers["sync/planPull"](
    { ...asking({ ...account, url: front.url }), predicts: true },
    call(),
  );
  await front.close();
  await own.stop();
  const books = wants.map((book_id) => ({ book_id, digests: [guess(`guessed ${book_id}`)] }));
  await handlers["sync/predicted"]({ run: "r", books }, call());
  const { plan } = await handlers["sync/next"]({ run: "r" }, call());
  expect(plan.updates).toMatchObject([{ book_id: 1, after: 50 }]);
  expect(new Set(plan.skipped.map(({ reason }) => reason.code))).toEqual(new Set(["not_reached"]));
}, 60_000);

test("a run that is ended while its guesses are made is over, and lets go of the server", async () => {
  const account = await accountWith();
  await sendBooks();
  await handlers["sync/planPull"]({ ...asking(account), predicts: true }, call());
  await handlers["sync/end"]({ run: "r" }, call());
  const refused = { kind: "Cancelled", data: { run: "r" } };
  await expect(async () => handlers["sync/predicted"]({ run: "r", books: [] }, call())).rejects.toMatchObject(refused);
  await expect(handlers["sync/next"]({ run: "r" }, call())).rejects.toMatchObject(refused);
});
