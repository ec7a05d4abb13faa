/** Stop, in every phase of a run against a server that says nothing any more: at once, and never as a failure. */
import { afterEach, describe, expect, test } from "vitest";
import { authorizeAccount } from "../../src/app/account.ts";
import { askServer } from "../../src/app/ask-server.ts";
import { push } from "../../src/app/push.ts";
import { compose, findServer, openKosyncClient } from "../../src/compose.ts";
import type { Account } from "../../src/model/account.ts";
import { SyncError } from "../../src/model/error.ts";
import { why } from "../../src/model/why.ts";
import { FAULTS, startFaultServer, type FaultServer, type Step } from "../support/faults.ts";
import { knownDigestOf } from "../support/models.ts";
import { accountOn } from "../support/odd-server.ts";

/** A reader who has pressed Stop waits no longer than this. */
const AT_ONCE_MS = 2000;

const silence = FAULTS.find(({ name }) => name === "silence")!;
const BOOKS = Array.from({ length: 10 }, (_, index) => `d${index}`);

const open: FaultServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

type Work = (account: Account, signal: AbortSignal) => Promise<unknown>;

const ask: Work = async (account, signal) => {
  const outside = await compose({ cache_folder: null });
  const subjects = BOOKS.map((name, book_id) => ({
    book_id,
    news: 0,
    added: 0,
    reading: false,
    settled: true,
    candidates: [knownDigestOf(name)],
  }));
  const options = { reach: "chosen" } as const;
  return askServer(account, subjects, options, outside, { signal, progress: () => undefined });
};

const put: Work = (account, signal) => {
  const puts = BOOKS.map((document, book_id) => ({
    book_id,
    document,
    progress: "1",
    percentage: 0.5,
    before: null,
    why: why("push_first", { percentage: 0.5 }),
  }));
  return push({ account, library_id: "lib", puts }, openKosyncClient, { signal, progress: () => undefined });
};

/** At a right address it is a login, at a wrong one a search after it. */
const search: Work = (account, signal) =>
  authorizeAccount(account, { findServer, openClient: openKosyncClient }, signal);

describe("Stop", () => {
  test.each<[Step, string, Work]>([
    ["login", "", search],
    ["search", "/kosync", search],
    ["list", "", ask],
    ["get", "", ask],
    ["put", "", put],
  ])("at the step %s is heard at once", async (step, prefix, work) => {
    const server = await startFaultServer(prefix);
    open.push(server);
    server.befall(step, silence, "all", "");
    const stop = new AbortController();
    const account = accountOn(server.url);
    const outcome = work(account, stop.signal).then(
      () => "done",
      (error: unknown) => (error instanceof SyncError ? error.kind : "fault"),
    );
    await server.befallen();
    stop.abort(new SyncError("Cancelled"));
    const late = new Promise((resolve) => setTimeout(resolve, AT_ONCE_MS, "late"));
    expect(await Promise.race([outcome, late])).toBe("Cancelled");
  });
});
