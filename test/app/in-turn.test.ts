/** Many questions to one server, and how they end: with a clock of the test's own. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { inTurn } from "../../src/app/in-turn.ts";
import { SyncError } from "../../src/model/error.ts";

const finish = (): void => undefined;
const LOGIN = { url: "x", shown: true };
const refused = (status: number): SyncError => new SyncError("ServerRefused", { url: "x", status });
const gone = new SyncError("ServerUnreachable", { url: "x", attempts: 1, cause: "timeout" });

const items = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

interface World {
  act: (item: number, signal: AbortSignal) => Promise<number>;
  authorize?: () => Promise<typeof LOGIN>;
  count?: number;
  signal?: AbortSignal;
  writes?: boolean;
}

function run({ act, authorize = async () => LOGIN, count = 40, signal = new AbortController().signal, writes }: World) {
  return inTurn({
    items: items(count),
    act,
    client: { authorize, finish },
    signal,
    ...(writes === true ? { writes } : {}),
  });
}

const hang = (_item: number, signal: AbortSignal): Promise<number> =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new SyncError("Cancelled"))));

test("every item keeps its own outcome, in the order of the items", async () => {
  const { turns, ended } = await run({
    async act(item) {
      if (item % 3 === 0) throw refused(500);
      return item * 2;
    },
    count: 6,
  });
  expect(ended).toBeNull();
  expect(turns.map((turn) => (turn.status === "word" ? turn.value : turn.status))).toEqual([
    "failed",
    2,
    4,
    "failed",
    8,
    10,
  ]);
});

test("twenty without a word, in the order of asking, and the login is asked about; it answers, and all goes on", async () => {
  let logins = 0;
  const { turns, ended } = await run({
    act: () => Promise.reject(refused(500)),
    async authorize() {
      logins += 1;
      return LOGIN;
    },
    count: 50,
  });
  expect(ended).toBeNull();
  expect(logins).toBeGreaterThan(0);
  expect(turns.every(({ status }) => status === "failed")).toBe(true);
});

test("nineteen failures between words, again and again, are nobody's silence", async () => {
  let logins = 0;
  await run({
    act: (item) => (item % 20 === 0 ? Promise.resolve(item) : Promise.reject(refused(500))),
    async authorize() {
      logins += 1;
      return LOGIN;
    },
    count: 200,
  });
  expect(logins).toBe(0);
});

test("no word from the login either ends the run, with what was heard by then", async () => {
  const { turns, ended } = await run({
    act: (item) =>
      item < 10 ? Promise.resolve(item) : new Promise((_r, reject) => setTimeout(reject, 1, refused(502))),
    authorize: () => Promise.reject(refused(502)),
    count: 200,
  });
  expect(ended).toMatchObject({ data: { status: 502 } });
  expect(turns.filter(({ status }) => status === "word")).toHaveLength(10);
  expect(turns.filter(({ status }) => status === "left").length).toBeGreaterThan(150);
});

test.each([new SyncError("Unauthorized", {}), new SyncError("CertificateRefused", {})])(
  "%s in mid-run ends it: it concerns everybody",
  async (trouble) => {
    const { turns, ended } = await run({
      async act(item) {
        if (item === 5) throw trouble;
        return new Promise((resolve) => setTimeout(resolve, 2, item));
      },
      count: 500,
    });
    expect(ended).toBe(trouble);
    expect(turns.filter(({ status }) => status === "left").length).toBeGreaterThan(450);
  },
);

test("a server that has had too many for long is not asked twenty times more", async () => {
  let asked = 0;
  const { ended } = await run({
    act() {
      asked += 1;
      return new Promise((_resolve, reject) => setTimeout(reject, 1, refused(429)));
    },
    authorize: () => Promise.reject(refused(429)),
    count: 200,
  });
  expect(ended).toMatchObject({ data: { status: 429 } });
  expect(asked).toBeLessThanOrEqual(32);
});

test("where something is changed, nothing is begun before a first word", async () => {
  const { turns, ended } = await run({ act: hang, authorize: () => Promise.reject(gone), writes: true });
  expect(ended).toBe(gone);
  expect(turns.every(({ status }) => status === "left")).toBe(true);
  const stranger = run({ act: hang, authorize: () => Promise.reject(new SyncError("Unauthorized")), writes: true });
  await expect(stranger).rejects.toMatchObject({ kind: "Unauthorized" });
});

test("cancelling rejects at once, whatever hangs", async () => {
  const cancel = new AbortController();
  const taken = run({ act: hang, signal: cancel.signal });
  cancel.abort();
  await expect(taken).rejects.toMatchObject({ kind: "Cancelled" });
});

test("what is no server's doing is thrown", async () => {
  await expect(run({ act: () => Promise.reject(new Error("a fault of ours")) })).rejects.toThrow("a fault of ours");
  const broken = run({ act: () => Promise.reject(refused(500)), authorize: () => Promise.reject(new Error("worse")) });
  await expect(broken).rejects.toThrow("worse");
});

describe("silence in time", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("fifteen seconds without a word, and the login is asked about; no word from it ends the run", async () => {
    const asked: number[] = [];
    const taken = run({
      act: hang,
      authorize() {
        asked.push(Date.now());
        return Promise.reject(gone);
      },
    });
    const began = Date.now();
    await vi.advanceTimersByTimeAsync(16_000);
    expect((await taken).ended).toBe(gone);
    expect(asked.map((at) => at - began)).toEqual([15_000]);
  });

  test("a server that lets us in and answers nothing else is given two such times", async () => {
    const taken = run({ act: hang });
    await vi.advanceTimersByTimeAsync(31_000);
    expect((await taken).ended).toMatchObject({ kind: "ServerUnreachable" });
  });

  test("one book that hangs costs its own time only", async () => {
    const done: number[] = [];
    const taken = inTurn({
      items: items(40),
      client: { authorize: async () => LOGIN, finish },
      signal: new AbortController().signal,
      act: (item) =>
        item === 3
          ? new Promise<number>((_resolve, reject) => setTimeout(reject, 12_000, gone))
          : Promise.resolve(item),
      onDone: (count) => done.push(count),
    });
    await vi.advanceTimersByTimeAsync(100);
    expect(done).toHaveLength(39);
    await vi.advanceTimersByTimeAsync(12_000);
    const { turns, ended } = await taken;
    expect([ended, turns[3]?.status]).toEqual([null, "failed"]);
  });
});
