/** Asking a server about many documents; the server is real wherever it can be, the counting stands in front of it. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { askServer } from "../../src/app/ask-server.ts";
import type { KosyncClient, OpenKosyncClient, ServerCache } from "../../src/app/ports.ts";
import { compose, openKosyncClient, startServer } from "../../src/compose.ts";
import type { Subject } from "../../src/core/ask-likelihood.ts";
import type { Account } from "../../src/model/account.ts";
import type { KnownDigest } from "../../src/model/digest.ts";
import type { Reach } from "../../src/model/reach.ts";
import { SyncError } from "../../src/model/error.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { accountOf, knownDigestOf } from "../support/models.ts";

const NOW = 1_800_000_000;
const DAY = 86_400;

let server: RunningServer;
let account: Account;
let folder: string;
let cache: ServerCache;
let close: () => Promise<void>;
let users = 0;
let asked: string[];

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

beforeAll(async () => {
  server = await startServer({ port: 0, registration: "open" });
});

afterAll(() => server.stop());

beforeEach(async () => {
  asked = [];
  folder = mkdtempSync(join(tmpdir(), "ask-"));
  const outside = await compose({ cache_folder: folder });
  ({ cache } = outside);
  close = () => outside.close();
  account = accountOf({ url: server.url, username: `u${++users}`, userkey: md5("pw") });
  const client = await openKosyncClient(account);
  await client.register();
  await client.close();
  return async () => {
    await close();
    rmSync(folder, { recursive: true });
  };
});

/** A real client whose questions are counted, and whose list and answers a test may replace. */
const counting =
  (own: Partial<KosyncClient> = { listDocuments: () => Promise.resolve(null) }): OpenKosyncClient =>
  async () => {
    const real = await openKosyncClient(account);
    return {
      ...real,
      getProgress: (document, signal) => {
        asked.push(document);
        return real.getProgress(document, signal);
      },
      ...own,
    };
  };

const digest = (name: string, more: Partial<KnownDigest> = {}): KnownDigest => knownDigestOf(md5(name), more);

const subject = (book_id: number, candidates: KnownDigest[], news = 0): Subject => ({
  book_id,
  candidates,
  news,
  added: 0,
  reading: false,
  settled: true,
});

async function push(name: string): Promise<void> {
  const client = await openKosyncClient(account);
  await client.putProgress({ document: md5(name), progress: "1", percentage: 0.5, device: "Kobo", device_id: "K" });
  await client.close();
}

function ask(
  subjects: Subject[],
  { now = NOW, reach = "quiet", own }: { now?: number; reach?: Reach; own?: Partial<KosyncClient> } = {},
) {
  const ports = { openClient: counting(own), cache, clock: () => now };
  const running = { signal: new AbortController().signal, progress: () => {} };
  return askServer(account, subjects, { reach }, ports, running);
}

describe("what the server did not know", () => {
  test("is not asked again within the hour, and the report can say when it was", async () => {
    await ask([subject(1, [digest("x")])]);
    const { waiting } = await ask([subject(1, [digest("x")])], { now: NOW + 600 });
    expect(asked).toHaveLength(1);
    expect(waiting).toEqual(new Map([[1, { asked: NOW, spent: false, known: false }]]));
  });

  test("is asked less and less often, and never less than once a week", async () => {
    const days: number[] = [];
    for (let day = 0; day < 60; day++) {
      const before = asked.length;
      await ask([subject(1, [digest("x")])], { now: NOW + day * DAY });
      if (asked.length > before) days.push(day);
    }
    const gaps = days.slice(1).map((day, index) => day - (days[index] ?? 0));
    expect(gaps).toEqual(gaps.toSorted((a, b) => a - b));
    expect(gaps.length).toBeLessThan(45);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(7);
  });

  test("is asked at once when the copy is sent again, when the book is opened, or when the reader chose the book", async () => {
    await ask([subject(1, [digest("x")])]);
    await ask([subject(1, [digest("x", { last_seen: NOW + 60 })])], { now: NOW + 120 });
    await ask([subject(1, [digest("x")], NOW + 180)], { now: NOW + 240 });
    await ask([subject(1, [digest("x")])], { now: NOW + 300, reach: "everything" });
    expect(asked).toHaveLength(4);
  });
});

test("a document that two books may have is asked about once, and answers both", async () => {
  await push("x");
  const { answers } = await ask([subject(1, [digest("x")]), subject(2, [digest("x", { source: "library" })])]);
  expect(asked).toEqual([md5("x")]);
  expect(new Set(answers.keys())).toEqual(new Set([1, 2]));
});

test("what answered before is asked about first", async () => {
  const books = Array.from({ length: 20 }, (_, index) =>
    subject(index, [digest(`new ${index}`, { source: "library" })]),
  );
  await ask([...books, subject(99, [digest("known", { answered: NOW - DAY })])]);
  expect(asked[0]).toBe(md5("known"));
});

describe("the public server", () => {
  beforeEach(() => {
    account = { ...account, url: "https://sync.koreader.rocks:443/" };
  });

  /** The public server is out of reach here, so its answers are empty; the allowance is ours to keep. */
  const empty: Partial<KosyncClient> = {
    authorize: () => Promise.resolve({ url: account.url, shown: true }),
    listDocuments: () => Promise.resolve(null),
    getProgress: async (document) => {
      asked.push(document);
      // An answer takes a turn of the event loop at least, and the cache writes in between.
      await new Promise((turn) => setImmediate(turn));
      return null;
    },
  };
  const books = Array.from({ length: 2500 }, (_, index) => subject(index, [digest(`d${index}`)]));

  test("is asked no more than its share of questions a day, and the next day goes on where this one stopped", async () => {
    const { waiting } = await ask(books, { own: empty, reach: "usual" });
    expect(asked).toHaveLength(2000);
    expect(waiting.size).toBe(500);
    await ask(books, { own: empty, now: NOW + 60, reach: "usual" });
    expect(asked).toHaveLength(2000);
    await ask(books, { own: empty, now: NOW + DAY, reach: "usual" });
    expect(new Set(asked).size).toBe(2500);
  });

  test("that fails has cost the questions that were asked, not the whole day's", async () => {
    let answers = 0;
    const breaking: Partial<KosyncClient> = {
      ...empty,
      getProgress: (document, signal) => {
        if (++answers > 10) throw new SyncError("Unauthorized", { url: account.url, username: account.username });
        return empty.getProgress?.(document, signal) ?? Promise.resolve(null);
      },
    };
    const { unreached } = await ask(books, { own: breaking, reach: "usual" });
    expect(unreached.size).toBeGreaterThan(1900);
    expect(cache.spent(account.id, Math.floor(NOW / DAY))).toBeLessThan(40);
    asked = [];
    await ask(books, { own: empty, now: NOW + 60, reach: "usual" });
    expect(asked.length).toBeGreaterThan(1900);
  });

  test("tells of a book that must wait when it was last asked about", async () => {
    cache.keepWord(account.id, md5("d2400"), { asked: NOW - 8 * DAY, times: 1, read_at: null });
    cache.spend(account.id, Math.floor(NOW / DAY), 2000);
    const { waiting } = await ask(books, { own: empty, reach: "usual" });
    expect([waiting.get(2400), waiting.get(2401)]).toEqual([
      { asked: NOW - 8 * DAY, spent: true, known: false },
      { asked: null, spent: true, known: false },
    ]);
  });

  test("keeps its allowance also when the reader asks for the whole library", async () => {
    await ask(books, { own: empty, reach: "everything" });
    expect(asked).toHaveLength(2000);
    const yesterday = new Set(asked);
    asked = [];
    const { waiting } = await ask(books, { own: empty, now: NOW + DAY, reach: "everything" });
    // What was never asked comes first; with the rest of the day's share others are asked again.
    expect(new Set(asked.slice(0, 500)).isDisjointFrom(yesterday)).toBe(true);
    expect(waiting.size).toBe(500);
  });

  test("does not ask a second time for a book of which one copy was asked lately and another is left over", async () => {
    cache.keepWord(account.id, md5("lately"), { asked: NOW - 60, times: 1, read_at: null });
    cache.spend(account.id, Math.floor(NOW / DAY), 2000);
    const { waiting } = await ask([subject(1, [digest("lately"), digest("never")])], { own: empty });
    expect(asked).toEqual([]);
    expect(waiting.get(1)).toEqual({ asked: NOW - 60, spent: true, known: false });
  });

  test("is always asked about books that the reader chose", async () => {
    await ask(books, { own: empty });
    asked = [];
    await ask([subject(1, [digest("d1")])], { own: empty, reach: "chosen" });
    expect(asked).toEqual([md5("d1")]);
  });
});

describe("a server that can list", () => {
  const many = Array.from({ length: 50 }, (_, index) => subject(index, [digest(`d${index}`)]));
  const progress = {
    document: md5("d7"),
    percentage: 0.5,
    progress: "1",
    device: "Kobo",
    device_id: "K",
    timestamp: NOW,
  };

  test("answers for a whole library with its list", async () => {
    const list = { documents: [{ progress, metadata: null }], complete: true };
    const { answers } = await ask(many, { own: { listDocuments: () => Promise.resolve(list) } });
    expect(asked).toEqual([]);
    expect([...answers.keys()]).toEqual([7]);
  });

  test("answers with its list for 16,000 books that may have eight documents each", async () => {
    await push("15999 7");
    const books = Array.from({ length: 16_000 }, (_, book) => {
      return subject(
        book,
        Array.from({ length: 8 }, (_none, n) => digest(`${book} ${n}`)),
      );
    });
    const { answers } = await ask(books, { own: {} });
    expect([...answers.keys()]).toEqual([15_999]);
    expect(asked).toEqual([]);
  });

  test("is asked one by one for what an incomplete list leaves open", async () => {
    const list = { documents: [{ progress, metadata: null }], complete: false };
    await ask(many, { own: { listDocuments: () => Promise.resolve(list) } });
    expect(asked).toHaveLength(49);
  });

  test("tells with its list what it did not know a short while ago, and what it still does not know", async () => {
    await ask(many, { own: { listDocuments: () => Promise.resolve({ documents: [], complete: true }) } });
    const list = { documents: [{ progress, metadata: null }], complete: true };
    const own = { listDocuments: () => Promise.resolve(list) };
    const { answers, waiting } = await ask(many, { now: NOW + 60, own });
    expect([...answers.keys()]).toEqual([7]);
    expect(waiting).toEqual(new Map());
    expect(asked).toEqual([]);
  });

  test("is not asked for its list again and again when it has none", async () => {
    let lists = 0;
    const own = {
      listDocuments: () => {
        lists += 1;
        return Promise.resolve(null);
      },
    };
    await ask(many, { own });
    for (const minutes of [1, 2, 3]) await ask(many, { now: NOW + minutes * 60, own });
    expect(lists).toBe(1);
    await ask([subject(1, [digest("d1")])], { now: NOW + 30 * DAY, own });
    expect(asked).toHaveLength(51);
  });

  test("tells all books that may have a document, although only one of them has news", async () => {
    const one = digest("shared");
    await ask([subject(1, [one])]);
    await push("shared");
    const { answers } = await ask([subject(1, [one]), subject(2, [one], NOW + 60)], { now: NOW + 120 });
    expect(new Set(answers.keys())).toEqual(new Set([1, 2]));
  });

  test("keeps the others waiting when its list is cut off", async () => {
    await ask(many, { reach: "usual" });
    asked = [];
    const list = { documents: [{ progress, metadata: null }], complete: false };
    const { answers, waiting } = await ask(many, {
      now: NOW + 3 * 3600,
      own: { listDocuments: () => Promise.resolve(list) },
    });
    expect([...answers.keys()]).toEqual([7]);
    expect(waiting.get(8)).toEqual({ asked: NOW, spent: false, known: false });
    expect(asked).toEqual([]);
  });

  test("is asked one by one when its list fails", async () => {
    const refusal = new SyncError("ServerRefused", { url: "x", status: 500 });
    await ask(many, { own: { listDocuments: () => Promise.reject(refusal) } });
    expect(asked).toHaveLength(50);
  });
});

/** Answers that fail so many times, then say that nothing is known. */
const failing = (times: number): Partial<KosyncClient> => {
  let failed = 0;
  return {
    listDocuments: () => Promise.resolve(null),
    getProgress: (document) => {
      asked.push(document);
      if (failed++ < times)
        return Promise.reject(new SyncError("ServerUnreachable", { url: "x", attempts: 3, cause: "reset" }));
      return Promise.resolve(null);
    },
  };
};

/** Some documents are answered with 500, the others as the real server does. */
const refusing = (isOdd: (document: string) => boolean): Partial<KosyncClient> => ({
  listDocuments: () => Promise.resolve(null),
  async getProgress(document, signal) {
    asked.push(document);
    if (isOdd(document)) {
      // A failing question is tried again, and takes longer than one that is answered.
      await new Promise((resolve) => setTimeout(resolve, 100));
      throw new SyncError("ServerRefused", { url: "x", status: 500, kosync_code: null, message: null });
    }
    const real = await openKosyncClient(account);
    try {
      return await real.getProgress(document, signal);
    } finally {
      await real.close();
    }
  },
});

/** Lets in so many times, then a proxy says that the server is gone. */
const dyingAfter = (times: number): KosyncClient["authorize"] => {
  let left = times;
  return () => {
    left -= 1;
    if (left >= 0) return Promise.resolve({ url: account.url, shown: true });
    return Promise.reject(new SyncError("ServerRefused", { url: "x", status: 502, kosync_code: null, message: null }));
  };
};

describe("a server in trouble", () => {
  const many = Array.from({ length: 40 }, (_, index) => subject(index, [digest(`d${index}`)]));
  test("that fails at one answer costs that book alone, and the next run asks again", async () => {
    const { failures } = await ask(many, { own: failing(1) });
    const reset = { error: "ServerUnreachable", status: null, cause: "reset" };
    expect([...failures]).toEqual([[39, { document: md5("d39"), ...reset }]]);
    expect(asked).toHaveLength(40);
    expect(cache.word("a", md5("d39"))).toBeNull();
  });

  test("that fails at five books of forty has answered for the others", async () => {
    const odd = new Set(["d3", "d7", "d11", "d19", "d31"].map(md5));
    await Promise.all(many.map((_, index) => push(`d${index}`)));
    const { answers, failures } = await ask(many, { own: refusing((document) => odd.has(document)) });
    expect([answers.size, failures.size]).toEqual([35, 5]);
  });

  test("that answers every question alike says so once, as the server and not book by book", async () => {
    const refused = ask(many, { own: refusing(() => true) });
    await expect(refused).rejects.toMatchObject({ kind: "ServerRefused", data: { status: 500 } });
    expect(asked).toHaveLength(40);
  });

  test("that dies in mid-run has been heard, and the next run begins with what is missing", async () => {
    const named = many.map((_, index) => `d${index}`);
    await Promise.all(named.map(push));
    const dying = { ...refusing(() => asked.length > 10), authorize: dyingAfter(1) };
    const { answers, failures, unreached } = await ask(many, { own: dying });
    expect(answers.size).toBe(10);
    expect(unreached.size + failures.size).toBe(30);
    expect([...unreached.values()][0]).toEqual({ error: "ServerRefused", status: 502, cause: null });
    const missing = asked.slice(10);
    asked = [];
    await ask(many, { reach: "everything" });
    expect(asked.slice(0, 30)).toEqual(expect.arrayContaining(missing.slice(0, 20)));
    expect(
      new Set(asked.slice(0, 30)).isDisjointFrom(new Set([...answers.values()].map(([a]) => a?.progress.document))),
    ).toBe(true);
  });

  test("that does not know the password is asked nothing more", async () => {
    account = { ...account, userkey: md5("wrong") };
    await expect(ask(many)).rejects.toMatchObject({ kind: "Unauthorized" });
    expect(asked).toEqual([]);
  });
});
