import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHandlers } from "../../bridge/handlers.ts";
import { openKosyncClient, startServer } from "../../src/compose.ts";
import { chooseCandidates } from "../../src/core/candidates.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import type { Book } from "../../src/model/plan.ts";
import { accountOf, bookOf, knownDigestOf, profileOf } from "../support/models.ts";

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ port: 0, registration: "open" });
});
afterAll(() => server.stop());

test("a book without a file that can be read is told so, not that the server knows no copy of it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "koreader-progress-"));
  const account = accountOf({ url: server.url, username: "somebody else", userkey: md5("pw") });
  const client = await openKosyncClient(account);
  await client.register();
  await client.close();
  const file = (name: string, size = 0, mtime = 1): Book["formats"][number] => {
    return { format: "EPUB", path: join(folder, name), size, mtime };
  };
  writeFileSync(join(folder, "empty.epub"), "");
  writeFileSync(join(folder, "whole.epub"), "words");
  const books = [
    bookOf({ book_id: 1, formats: [] }),
    bookOf({ book_id: 2, formats: [file("missing.epub", 0, 0)] }),
    bookOf({ book_id: 3, formats: [file("empty.epub")], names: ["empty.epub"] }),
    bookOf({ book_id: 4, formats: [file("whole.epub", 5)] }),
    bookOf({ book_id: 5, formats: [file("missing.epub", 0, 0)], digests: [knownDigestOf(md5("a copy"))] }),
    bookOf({ book_id: 6, formats: [file("missing.epub", 0, 0), file("whole.epub", 5)] }),
  ];
  const { handlers, close } = createHandlers();
  const call = { signal: new AbortController().signal, progress: (): void => {} };
  try {
    await handlers["sync/books"]({ run: "r", books }, call);
    const asking = { account, profile: profileOf({}), reach: "chosen" as const, predicts: false, settle: null };
    const { plan } = await handlers["sync/planPull"]({ run: "r", ...asking }, call);
    const reasons = new Map(plan.skipped.map(({ book_id, reason }) => [book_id, reason]));
    expect(reasons.get(1)?.code).toBe("no_candidates");
    expect(reasons.get(2)).toMatchObject({ code: "book_unreadable", data: { reason: "ENOENT" } });
    expect(reasons.get(3)).toMatchObject({ code: "book_unreadable", data: { reason: "EMPTY" } });
    for (const id of [4, 5, 6]) expect(reasons.get(id)?.code).toBe("not_on_server");
    // Only what was asked about in vain is worth a guess.
    expect(plan.unanswered).toEqual([4, 5, 6]);
  } finally {
    await close();
    rmSync(folder, { recursive: true });
  }
});

test("answers to a dozen old copies do not hide the copy that was sent last", async () => {
  const account = accountOf({ url: server.url, userkey: md5("pw") });
  const client = await openKosyncClient(account);
  await client.register();
  const old = Array.from({ length: 14 }, (_, n) =>
    knownDigestOf(md5(`old ${n}`), { last_seen: 100 + n, answered: 60 }),
  );
  for (const { digest } of old) {
    const record = { document: digest, percentage: 0.3, progress: "/body", device: "Kobo", device_id: "K" };
    await client.putProgress(record);
  }
  await client.close();
  const sent = knownDigestOf(md5("sent last"), { last_seen: 500 });
  const { handlers, close } = createHandlers();
  const call = { signal: new AbortController().signal, progress: (): void => {} };
  try {
    await handlers["sync/books"]({ run: "r", books: [bookOf({ digests: [...old, sent] })] }, call);
    const rules = {
      conflict: "newest" as const,
      finish_at: 0.99,
      reading_from: 0.01,
      reread: "ask" as const,
      larger_step: 0.05,
      status_words: { unread: "u", reading: "r", finished: "f" },
    };
    const profile = { id: "p", matching: "both" as const, columns: [], rules, ran_before: true, time_zone: null };
    const asking = { run: "r", account, profile, reach: "chosen" as const, predicts: false, settle: null };
    const { plan } = await handlers["sync/planPull"](asking, call);
    const answered = new Map(plan.digests.map(({ digest }) => [digest.digest, digest]));
    expect(answered.size).toBe(11);
    const now = [...old, sent].map((known) => answered.get(known.digest) ?? known);
    expect(now.filter((known) => known.answered !== null)).toHaveLength(14);
    // The device may open the new copy at any time: it is still among those that are asked about.
    expect(chooseCandidates(now, "both").map(({ digest }) => digest)).toContain(sent.digest);
  } finally {
    await close();
  }
});
