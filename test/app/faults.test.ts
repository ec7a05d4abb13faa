/** Every wrong answer at every step of a run: what could be done is done, nothing else is, and the cause has its name. */
import { describe, expect, test } from "vitest";
import { authorizeAccount } from "../../src/app/account.ts";
import { askServer } from "../../src/app/ask-server.ts";
import type { Heard } from "../../src/app/heard.ts";
import { carryOver, planCarryOver } from "../../src/app/carry-over.ts";
import type { OpenKosyncClient } from "../../src/app/ports.ts";
import { push } from "../../src/app/push.ts";
import { compose, findServer } from "../../src/compose.ts";
import { createKosyncClient } from "../../src/io/kosync/client.ts";
import type { Account } from "../../src/model/account.ts";
import { SyncError } from "../../src/model/error.ts";
import { why } from "../../src/model/why.ts";
import {
  EXTENTS,
  FAULTS,
  startFaultServer,
  STEPS,
  type Extent,
  type Fault,
  type FaultServer,
  type Kept,
  type Step,
} from "../support/faults.ts";
import { knownDigestOf } from "../support/models.ts";
import { accountOn } from "../support/odd-server.ts";

const BOOKS = Array.from({ length: 10 }, (_, index) => `d${index}`);
const UNLUCKY = "d4";
const running = { signal: new AbortController().signal, progress: () => undefined };

const openClient: OpenKosyncClient = (account) =>
  // What hangs is given up sooner than a reader would want it to be, and what is busy is asked more often.
  Promise.resolve(createKosyncClient({ account, limits: { connect_ms: 4000, answer_ms: 4000, most_apart_ms: 60 } }));

const keptOf = (document: string, index: number): Kept => ({
  document,
  progress: `${index}`,
  percentage: (index + 1) / 20,
  device: "Kobo",
  device_id: "K",
  timestamp: 1_763_000_000,
});

interface World {
  readonly server: FaultServer;
  readonly account: Account;
  readonly fault: Fault;
  readonly extent: Extent;
}

/** The outcome of something that may reject with a SyncError, and with nothing else. */
async function outcomeOf<T>(work: Promise<T>): Promise<T | SyncError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
}

async function ask({ account }: World): Promise<Heard | SyncError> {
  const { cache, clock } = await compose({ cache_folder: null });
  const subjects = BOOKS.map((name, book_id) => ({
    book_id,
    news: 0,
    added: 0,
    reading: false,
    settled: true,
    candidates: [knownDigestOf(name)],
  }));
  const options = { reach: "chosen" } as const;
  return outcomeOf(askServer(account, subjects, options, { openClient, cache, clock }, running));
}

const kindOf = (error: unknown): string | null => (error instanceof SyncError ? error.kind : null);

function expectAllHeard(heard: Heard | SyncError): void {
  expect(kindOf(heard)).toBeNull();
  expect((heard as Heard).answers.size).toBe(BOOKS.length);
}

/** No run changes what it only asked about. */
function expectUntouched({ server }: World): void {
  expect([...server.records.values()]).toEqual(BOOKS.map(keptOf));
}

const CHECKS: Readonly<Record<Step, (world: World) => Promise<void>>> = {
  async search({ server, account, fault }) {
    const found = await outcomeOf(authorizeAccount(account, { findServer, openClient }));
    // Nothing that is found elsewhere is gone to: the reader is asked first, or hears that there is no server.
    expect(["OtherAddress", "NotKosyncServer"]).toContain(kindOf(found));
    if (kindOf(found) === "OtherAddress") expect(found).toMatchObject({ data: { found: `${server.url}/kosync` } });
    const withKey = server.heard.filter(({ headers }) => "x-auth-key" in headers);
    expect(withKey.filter(({ path }) => path.startsWith("/kosync"))).toEqual([]);
    expect(fault.name).not.toBe("");
  },

  async login(world) {
    const heard = await ask(world);
    if (world.fault.login === null) expectAllHeard(heard);
    else expect(kindOf(heard)).toBe(world.fault.login);
    expectUntouched(world);
  },

  async list(world) {
    // A list is a convenience. What lets nobody in is the only thing that it can say for all.
    expectAllHeard(await ask(world));
    expectUntouched(world);
  },

  async get(world) {
    const { fault, extent } = world;
    const heard = await ask(world);
    expectUntouched(world);
    if (fault.nature === "stranger") return expectStranger(heard);
    if (extent === "all" && fault.nature !== "nothing") {
      expect(kindOf(heard)).toBe(fault.record);
      return;
    }
    expect(kindOf(heard)).toBeNull();
    const { answers, failures, unreached } = heard as Heard;
    const isHealed = fault.nature === "passing" && extent === "once";
    const isFailure = !isHealed && fault.record !== null;
    const isKnown = isHealed || extent === "all" ? BOOKS.length : BOOKS.length - 1;
    expect(answers.size).toBe(extent === "all" ? 0 : isKnown);
    expect([...failures.values()].map(({ error }) => error)).toEqual(isFailure ? [fault.record] : []);
    expect(unreached.size).toBe(0);
  },

  put: (world) => putAll(world, pushed),
  "carry over": (world) => putAll(world, carried),
};

/** A wrong login in mid-run ends it: the rest is left, and nothing is taken for unknown. */
function expectStranger(heard: Heard | SyncError): void {
  if (heard instanceof SyncError) {
    expect(heard.kind).toBe("Unauthorized");
    return;
  }
  const { answers, failures, unreached } = heard;
  expect(new Set([...answers.keys(), ...failures.keys(), ...unreached.keys()]).size).toBe(BOOKS.length);
  expect([...unreached.values(), ...failures.values()].every(({ error }) => error === "Unauthorized")).toBe(true);
}

/** What became of each book, and the record that is its own when it is done. */
interface Done {
  readonly document: string;
  readonly isDone: boolean;
  readonly error: string | null;
  readonly progress: string;
}

async function pushed({ account }: World): Promise<Done[]> {
  const puts = BOOKS.map((document, index) => ({
    book_id: index,
    document,
    progress: `new ${index}`,
    percentage: 0.9,
    before: keptOf(document, index),
    why: why("push_first", { percentage: 0.9 }),
  }));
  const results = await push({ account, library_id: "lib", puts }, openClient, running);
  expect(results.map(({ put }) => put)).toEqual(puts);
  return results.map(({ put, outcome, error }) => ({
    document: put.document,
    progress: put.progress,
    isDone: outcome === "put",
    error,
  }));
}

async function carried({ account, server }: World): Promise<Done[]> {
  const { cache } = await compose({ cache_folder: null });
  // Each book's place goes to a newer copy of it.
  const carry_overs = BOOKS.map((document, book_id) => ({
    book_id,
    document,
    progress: { ...keptOf(`old ${document}`, book_id) },
  }));
  for (const document of BOOKS) server.records.delete(document);
  const ports = { openClient, cache };
  const due = await planCarryOver({ account, carry_overs, reading_from: 0.01, on_request: false }, ports, running);
  expect(due.map(({ outcome }) => outcome)).toEqual(BOOKS.map(() => "due"));
  const results = await carryOver({ account, library_id: "lib", due }, ports, running);
  return results.map(({ carry_over, outcome, why: { data } }) => ({
    document: carry_over.document,
    progress: carry_over.progress.progress,
    isDone: outcome === "carried",
    error: outcome === "failed" ? String(data["error"]) : null,
  }));
}

async function putAll(world: World, putEach: (world: World) => Promise<Done[]>): Promise<void> {
  const { server, fault, extent } = world;
  const before = new Map(server.records);
  const done = await outcomeOf(putEach(world));
  if (done instanceof SyncError) {
    expect([done.kind, fault.nature]).toEqual(["Unauthorized", "stranger"]);
    return;
  }
  const wasHere = (document: string): Kept | undefined => (putEach === pushed ? before.get(document) : undefined);
  for (const { document, isDone, progress } of done) {
    const stands = server.records.get(document);
    if (isDone) expect(stands?.progress).toBe(progress);
    else expect(stands).toEqual(wasHere(document));
  }
  const failed = done.filter(({ isDone }) => !isDone);
  if (fault.nature === "stranger") {
    expect(failed.every(({ error }) => error === "Unauthorized")).toBe(true);
    return;
  }
  const isPage = fault.name.startsWith("200 with a");
  const isHealed = extent === "once" && fault.nature === "passing" && fault.isYes !== true && !isPage;
  expect(failed).toHaveLength(isHealed ? 0 : extent === "all" ? BOOKS.length : 1);
  const cause =
    fault.isYes === true
      ? "ServerRefused"
      : (fault.record ?? (fault.name.includes("page") ? "NotKosyncServer" : "ServerRefused"));
  expect(failed.map(({ error }) => error)).toEqual(failed.map(() => cause));
}

const ran = new Map<Step, number>();
const cells = FAULTS.flatMap((fault) => EXTENTS.map((extent) => [fault.name, extent, fault] as const));

describe.concurrent.each(STEPS)("at the step: %s", (step) => {
  test.concurrent.each(cells)("%s, %s", async (_name, extent, fault) => {
    const server = await startFaultServer(step === "search" ? "/kosync" : "");
    for (const [index, document] of BOOKS.entries()) server.records.set(document, keptOf(document, index));
    server.befall(step, fault, extent, UNLUCKY);
    try {
      await CHECKS[step]({ server, account: accountOn(server.url), fault, extent });
      expect(server.hasBefallen()).toBe(true);
      ran.set(step, (ran.get(step) ?? 0) + 1);
    } finally {
      await server.close();
    }
  });
});

test("every answer was given at every step, once, to one book and to all", () => {
  const lines = STEPS.map((step) => `${step} ${ran.get(step) ?? 0} of ${cells.length}`);
  console.log(`${FAULTS.length} wrong answers in ${EXTENTS.length} extents: ${lines.join(", ")}`);
  expect(STEPS.map((step) => ran.get(step))).toEqual(STEPS.map(() => cells.length));
});
