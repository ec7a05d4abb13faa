/** Carrying places over between copies of one text, against a real server: two devices, two calibres, many rounds. */
import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { carryOver, planCarryOver, type PlanCarryOverRequest } from "../../src/app/carry-over.ts";
import type { KosyncClient } from "../../src/app/ports.ts";
import { compose, openKosyncClient, startServer } from "../../src/compose.ts";
import { planCarryOvers } from "../../src/core/carry-over.ts";
import { isOwn } from "../../src/core/peek.ts";
import type { Account } from "../../src/model/account.ts";
import type { CarryOverResult } from "../../src/model/carry-over.ts";
import type { KnownDigest } from "../../src/model/digest.ts";
import type { Answer } from "../../src/model/plan.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { accountOf, bookOf, knownDigestOf } from "../support/models.ts";

const READING_FROM = 0.01;
const SAME_TEXT = `2:${md5("the text")}`;
// Whatever is asked for again because of it would be asked in vain: what it forgets is looked at below.
const forgotten: string[] = [];
const { cache } = await compose({ cache_folder: null });
const PORTS = {
  openClient: openKosyncClient,
  cache: { ...cache, forgetWord: (_account: string, document: string) => void forgotten.push(document) },
};
const RUNNING = { signal: new AbortController().signal, progress: () => {} };

let server: RunningServer;
let users = 0;

// A second for each thing that happens: who came first decides here.
let now = 1_764_000_000;

beforeAll(async () => {
  server = await startServer({ port: 0, registration: "open", clock: () => ++now, scryptCost: { N: 16, r: 1, p: 1 } });
});

afterAll(() => server.stop());

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

function sent(name: string, last_seen: number, content_key: string | null = SAME_TEXT): KnownDigest {
  return knownDigestOf(md5(name), { format: "EPUB", content_key, first_seen: last_seen, last_seen });
}

/** An account of its own on the real server, and the client that devices and calibres share. */
async function newAccount(): Promise<{ account: Account; client: KosyncClient }> {
  const account = accountOf({ url: server.url, username: `reader-${++users}`, userkey: md5("pw") });
  const client = await openKosyncClient(account);
  await client.register();
  return { account, client };
}

/** Plans, then puts what is due: what became of each. */
async function carry({
  library_id,
  ...request
}: PlanCarryOverRequest & { library_id: string }): Promise<CarryOverResult[]> {
  const planned = await planCarryOver(request, PORTS, RUNNING);
  const due = planned.filter(({ outcome }) => outcome === "due");
  const done = await carryOver({ account: request.account, library_id, due }, PORTS, RUNNING);
  return planned.map((each) => (each.outcome === "due" ? (done.shift() ?? each) : each));
}

/** What one calibre does at a sync: ask about every digest, plan, carry over. */
async function sync(
  account: Account,
  client: KosyncClient,
  digests: KnownDigest[],
  library_id: string,
): Promise<CarryOverResult[]> {
  const answers: Answer[] = [];
  for (const candidate of digests) {
    const progress = await client.getProgress(candidate.digest);
    if (progress !== null) answers.push({ progress, candidate, place: null });
  }
  const carry_overs = planCarryOvers([{ book: bookOf({ digests }), answers }], READING_FROM);
  const request = { account, library_id, carry_overs, reading_from: READING_FROM, on_request: false };
  return carry(request);
}

const push = (client: KosyncClient, device: string, document: string, percentage: number): Promise<unknown> =>
  client.putProgress({
    document,
    progress: `/body/DocFragment[${Math.ceil(percentage * 100)}].0`,
    percentage,
    device,
    device_id: device,
  });

test("nothing is put under a file's name alone: another book's file may be called the same", async () => {
  const { account, client } = await newAccount();
  const digests = [sent("old", 1), { ...sent("new", 2), kind: "filename" as const }];
  await push(client, "Kobo", md5("old"), 0.4);
  expect(await sync(account, client, digests, "lib")).toEqual([]);
  expect(await client.getProgress(md5("new"))).toBeNull();
});

test("a place is offered under the digest of a copy that was just sent", async () => {
  const { account, client } = await newAccount();
  const digests = [sent("old", 1), sent("new", 2)];
  await push(client, "Kobo", md5("old"), 0.4);
  expect(await sync(account, client, digests, "lib")).toMatchObject([{ outcome: "carried" }]);
  expect(await client.getProgress(md5("new"))).toMatchObject({
    percentage: 0.4,
    progress: "/body/DocFragment[40].0",
    device: "calibre",
    device_id: "calibre-koreader-progress-lib",
  });
  expect(await client.getProgress(md5("old"))).toMatchObject({ device: "Kobo" });
  await client.close();
});

test("a copy of another text never gets the place", async () => {
  const { account, client } = await newAccount();
  await push(client, "Kobo", md5("old"), 0.4);
  expect(
    await sync(
      account,
      client,
      [
        sent("old", 1),
        sent("edited", 2, `2:${md5("another text")}`),
        sent("volume", 2, md5("the text")),
        sent("unknown", 3, null),
      ],
      "lib",
    ),
  ).toEqual([]);
  await client.close();
});

test("a new copy that was only opened at its first page gets the place, one that was read does not", async () => {
  const { account, client } = await newAccount();
  await push(client, "Kobo", md5("old"), 0.4);
  await push(client, "Phone", md5("peeked"), 0.002);
  await push(client, "Tablet", md5("read"), 0.2);
  const digests = [sent("old", 1), sent("peeked", 2), sent("read", 3)];
  // The newest reading is the tablet's: the older, further one must not be put over it, nor the other way round.
  const results = await sync(account, client, digests, "lib");
  expect(results.map(({ carry_over }) => carry_over.document)).toEqual([md5("peeked")]);
  expect(await client.getProgress(md5("old"))).toMatchObject({ device: "Kobo", percentage: 0.4 });
  expect(await client.getProgress(md5("read"))).toMatchObject({ device: "Tablet", percentage: 0.2 });
  await client.close();
});

test("an older place of ours follows the device that reads on", async () => {
  const { account, client } = await newAccount();
  const digests = [sent("old", 1), sent("new", 2)];
  await push(client, "Kobo", md5("old"), 0.4);
  await sync(account, client, digests, "lib");
  await push(client, "Kobo", md5("old"), 0.6);
  await sync(account, client, digests, "lib");
  expect(await client.getProgress(md5("new"))).toMatchObject({ percentage: 0.6, device: "calibre" });
  await client.close();
});

test("a place that a device put there between the plan and the writing is left alone", async () => {
  const { account, client } = await newAccount();
  await push(client, "Kobo", md5("old"), 0.4);
  const progress = await client.getProgress(md5("old"));
  if (progress === null) throw new Error("the server lost it");
  await push(client, "Phone", md5("new"), 0.7);
  const carry_overs = [{ book_id: 1, document: md5("new"), progress }];
  const request = { account, library_id: "lib", carry_overs, reading_from: READING_FROM, on_request: false };
  expect(await carry(request)).toMatchObject([{ outcome: "not_needed" }]);
  expect(await client.getProgress(md5("new"))).toMatchObject({ device: "Phone", percentage: 0.7 });
  await client.close();
});

test("what a device puts there while the journal is written is left alone, and what stays is replaced", async () => {
  const { account, client } = await newAccount();
  await push(client, "Kobo", md5("old"), 0.4);
  await push(client, "Phone", md5("peeked"), 0.002);
  const progress = await client.getProgress(md5("old"));
  if (progress === null) throw new Error("the server lost it");
  const carry_overs = ["new", "peeked"].map((name) => ({ book_id: 1, document: md5(name), progress }));
  const request = { account, carry_overs, reading_from: READING_FROM, on_request: false };
  const due = await planCarryOver(request, PORTS, RUNNING);
  expect(due).toMatchObject([
    { outcome: "due", found: null },
    { outcome: "due", found: { device: "Phone" } },
  ]);
  expect(await client.getProgress(md5("new"))).toBeNull();
  await push(client, "Phone", md5("new"), 0.7);
  const done = await carryOver({ account, library_id: "lib", due }, PORTS, RUNNING);
  expect(done).toMatchObject([{ outcome: "not_needed", why: { code: "offer_read_there" } }, { outcome: "carried" }]);
  const stands = await client.getProgress(md5("peeked"));
  expect(stands).toMatchObject({ device: "calibre", timestamp: done[1]?.timestamp });
  expect(await client.getProgress(md5("new"))).toMatchObject({ device: "Phone" });
  await client.close();
});

interface Offered {
  readonly results: CarryOverResult[];
  readonly stands: { percentage: number; device: string } | null;
}

/** Offers what the Kobo put under "old" to the copy "new", after `before` has happened there. */
async function offer(before: (client: KosyncClient) => Promise<unknown>): Promise<Offered> {
  const { account, client } = await newAccount();
  await push(client, "Phone", md5("new"), 0.2);
  await push(client, "Kobo", md5("old"), 0.6);
  const progress = await client.getProgress(md5("old"));
  if (progress === null) throw new Error("the server lost it");
  await before(client);
  const carry_overs = [{ book_id: 1, document: md5("new"), progress }];
  const request = { account, library_id: "lib", carry_overs, reading_from: READING_FROM };
  // Unasked, another device's place is never touched.
  expect(await carry({ ...request, on_request: false })).toMatchObject([
    { outcome: "not_needed", why: { code: "offer_read_there" } },
  ]);
  const results = await carry({ ...request, on_request: true });
  const stands = await client.getProgress(md5("new"));
  await client.close();
  return { results, stands };
}

describe("a place offered on request", () => {
  test("stands in for another device's older place, and says for which", async () => {
    const { results, stands } = await offer(() => Promise.resolve());
    expect(results).toMatchObject([
      { outcome: "carried", found: { percentage: 0.2 }, why: { code: "offer_replaced", data: { device: "Phone" } } },
    ]);
    expect(stands).toMatchObject({ percentage: 0.6, device: "calibre" });
    expect(forgotten).toContain(md5("new"));
  });

  test("never stands in for a newer place, however far behind it is", async () => {
    const { results, stands } = await offer((client) => push(client, "Phone", md5("new"), 0.3));
    expect(results).toMatchObject([
      { outcome: "not_needed", why: { code: "offer_read_there", data: { from: 0.3, device: "Phone" } } },
    ]);
    expect(stands).toMatchObject({ percentage: 0.3, device: "Phone" });
  });

  test("is not offered when its device has read on since", async () => {
    const { results, stands } = await offer((client) => push(client, "Kobo", md5("old"), 0.7));
    expect(results).toMatchObject([{ outcome: "not_needed", why: { code: "offer_moved_on" } }]);
    expect(stands).toMatchObject({ percentage: 0.2, device: "Phone" });
  });

  test("that a server cannot answer for is said, and leaves the others", async () => {
    const { account, client } = await newAccount();
    await push(client, "Kobo", md5("old"), 0.4);
    const progress = await client.getProgress(md5("old"));
    if (progress === null) throw new Error("the server lost it");
    // A slash is in no document's name: the server refuses it.
    const carry_overs = ["a/b".padEnd(3000, "b"), md5("new")].map((document) => ({ book_id: 1, document, progress }));
    const request = { account, library_id: "lib", carry_overs, reading_from: READING_FROM, on_request: true };
    expect(await carry(request)).toMatchObject([
      { outcome: "failed", why: { code: "offer_failed" } },
      { outcome: "carried", why: { code: "carried_over" } },
    ]);
    await client.close();
  });
});

test("a place that its device has left since the plan was made is not put anywhere", async () => {
  const { account, client } = await newAccount();
  await push(client, "Kobo", md5("old"), 0.4);
  const progress = await client.getProgress(md5("old"));
  if (progress === null) throw new Error("the server lost it");
  await push(client, "Kobo", md5("old"), 0.5);
  const carry_overs = [{ book_id: 1, document: md5("new"), progress }];
  const request = { account, library_id: "lib", carry_overs, reading_from: READING_FROM, on_request: false };
  expect(await carry(request)).toMatchObject([{ outcome: "not_needed" }]);
  expect(await client.getProgress(md5("new"))).toBeNull();
  await client.close();
});

test("a device's own record is replaced by the same place of ours when its reader asks, and never otherwise", async () => {
  const { account, client } = await newAccount();
  await push(client, "Kobo", md5("old"), 0.4);
  const progress = await client.getProgress(md5("old"));
  if (progress === null) throw new Error("the server lost it");
  const carry_overs = [{ book_id: 1, document: md5("old"), progress }];
  const request = { account, library_id: "lib", carry_overs, reading_from: READING_FROM };
  expect(await carry({ ...request, on_request: false })).toMatchObject([
    { outcome: "not_needed", why: { code: "offer_same_place" } },
  ]);
  expect(await client.getProgress(md5("old"))).toMatchObject({ percentage: 0.4, device: "Kobo" });
  expect(await carry({ ...request, on_request: true })).toMatchObject([{ outcome: "carried" }]);
  expect(await client.getProgress(md5("old"))).toMatchObject({ percentage: 0.4, device: "calibre" });
  await client.close();
});

type Event =
  | { kind: "read"; device: number; share: number }
  | { kind: "send"; device: number; calibre: number }
  | { kind: "sync"; calibre: number };

const EVENTS = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("read" as const),
      device: fc.nat(1),
      share: fc.double({ min: 0.02, max: 1, noNaN: true }),
    }),
    // One calibre sends it; 2: both know of it.
    fc.record({ kind: fc.constant("send" as const), device: fc.nat(1), calibre: fc.nat(2) }),
    fc.record({ kind: fc.constant("sync" as const), calibre: fc.nat(1) }),
  ),
  { minLength: 5, maxLength: 30 },
);

describe("no ping-pong", () => {
  test("a calibre that does not know the copy read last leaves what another put there", async () => {
    const { account, client } = await newAccount();
    const [old, last, third] = [sent("old", 1), sent("last", 2), sent("third", 3)];
    await push(client, "Kobo", md5("old"), 0.4);
    await push(client, "Phone", md5("last"), 0.6);
    await sync(account, client, [old, last, third], "knows all");
    expect(await sync(account, client, [old, third], "knows less")).toEqual([]);
    expect(await client.getProgress(md5("third"))).toMatchObject({ percentage: 0.6 });
    await client.close();
  });

  test("two devices and two calibres come to rest after any history, and no device's place is ever lost to ours", async () => {
    // One account for all histories, each with copies of its own: a server takes only so many registrations.
    const { account, client } = await newAccount();
    let histories = 0;
    await fc.assert(
      fc.asyncProperty(EVENTS, async (events: Event[]) => {
        const history = ++histories;
        const name = (copy: number | undefined): string => `history ${history}, copy ${copy}`;
        let copies = 2;
        const known = [0, 1].map(() => [sent(name(0), 0), sent(name(1), 1)]);
        const onDevice = [0, 1];
        // The last thing each device itself put under a document: ours may only follow, never replace it.
        const lastRead = new Map<string, number>();
        const syncAs = (calibre: number): Promise<CarryOverResult[]> =>
          sync(account, client, known[calibre] ?? [], `library-${calibre}`);
        for (const event of events) {
          if (event.kind === "read") {
            const document = md5(name(onDevice[event.device]));
            await push(client, `device ${event.device}`, document, event.share);
            lastRead.set(document, event.share);
          } else if (event.kind === "send") {
            onDevice[event.device] = copies;
            for (const [calibre, digests] of known.entries()) {
              if (event.calibre === 2 || event.calibre === calibre) digests.push(sent(name(copies), copies));
            }
            copies += 1;
          } else await syncAs(event.calibre);
        }
        await syncAs(0);
        await syncAs(1);
        const quiet = [...(await syncAs(0)), ...(await syncAs(1))];
        expect(quiet.filter(({ outcome }) => outcome === "carried")).toEqual([]);
        for (const [document, share] of lastRead) {
          const record = await client.getProgress(document);
          if (record === null) throw new Error("a device's record vanished");
          expect(isOwn(record)).toBe(false);
          expect(record.percentage).toBe(share);
        }
      }),
      { numRuns: 50 },
    );
    await client.close();
  });
});
