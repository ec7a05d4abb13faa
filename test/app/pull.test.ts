import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHandlers } from "../../bridge/handlers.ts";
import { openKosyncClient, startServer } from "../../src/compose.ts";
import { chooseCandidates } from "../../src/core/candidates.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { accountOf, bookOf, knownDigestOf } from "../support/models.ts";

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

let server: RunningServer;
beforeAll(async () => {
  server = await startServer({ port: 0, registration: "open" });
});
afterAll(() => server.stop());

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
    const asking = { run: "r", account, profile, force: true, selected: true, predicted: false, settle: null };
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
