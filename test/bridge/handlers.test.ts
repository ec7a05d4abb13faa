import { afterEach, beforeEach, expect, test } from "vitest";
import { createHandlers } from "../../bridge/handlers.ts";
import type { Call, Handlers } from "../../bridge/serve.ts";
import type { Params } from "../../bridge/contract.ts";
import { accountOf, bookOf } from "../support/models.ts";
import { RULES } from "../support/models.ts";

let made: ReturnType<typeof createHandlers>;
let handlers: Handlers;

beforeEach(() => {
  made = createHandlers();
  ({ handlers } = made);
});

afterEach(() => made.close());

const call = (signal = new AbortController().signal): Call => ({ signal, progress: () => {} });

/** Asks nobody: the books have no candidates. */
const planning = (run: string): Params<"sync/planPull"> => ({
  run,
  account: accountOf(),
  profile: {
    id: "p",
    matching: "both",
    columns: [],
    rules: RULES,
    ran_before: true,
    time_zone: null,
  },
  reach: "chosen",
  predicts: false,
  settle: null,
});

const send = async (run: string, count: number): Promise<number> => {
  const books = Array.from({ length: count }, (_, index) => bookOf({ book_id: index + 1 }));
  return (await handlers["sync/books"]({ run, books }, call())).received;
};

test("runs that are never fetched do not pile up in memory", async () => {
  expect(await send("first", 1)).toBe(1);
  expect(await send("first", 1)).toBe(2);
  for (let index = 0; index < 8; index++) await send(`other ${index}`, 1);
  expect(await send("first", 1)).toBe(1);
  expect(await send("other 7", 1)).toBe(2);
});

test("a run ends with its last page", async () => {
  await send("r", 501);
  expect(await handlers["sync/planPull"](planning("r"), call())).toMatchObject({ more: true });
  expect(await handlers["sync/next"]({ run: "r" }, call())).toMatchObject({
    plan: { skipped: [{ book_id: 501 }] },
    more: false,
  });
  await expect(async () => handlers["sync/next"]({ run: "r" }, call())).rejects.toMatchObject({ kind: "Cancelled" });
});

test("a run that is cancelled while it is planned leaves no pages behind", async () => {
  await send("r", 501);
  const stop = new AbortController();
  const planned = handlers["sync/planPull"](planning("r"), call(stop.signal));
  stop.abort();
  await expect(planned).rejects.toMatchObject({ name: "AbortError" });
  await expect(async () => handlers["sync/next"]({ run: "r" }, call())).rejects.toMatchObject({ kind: "Cancelled" });
  expect(await send("r", 1)).toBe(1);
});

test("a run of which nothing is known is not planned as one without books", async () => {
  const refused = { kind: "Cancelled", data: { run: "lost" } };
  await expect(async () => handlers["sync/planPull"](planning("lost"), call())).rejects.toMatchObject(refused);
  const { profile } = planning("lost");
  await expect(async () => handlers["sync/beingRead"]({ run: "lost", profile }, call())).rejects.toMatchObject(refused);
});

test("a run without books has an empty plan", async () => {
  await send("empty", 0);
  expect(await handlers["sync/planPull"](planning("empty"), call())).toMatchObject({
    plan: { updates: [], unanswered: [] },
    more: false,
  });
});

test("what a stopped run has sent is forgotten, and ending it twice is no trouble", async () => {
  await send("r", 3);
  for (const _time of [1, 2]) expect(await handlers["sync/end"]({ run: "r" }, call())).toEqual({});
  expect(await send("r", 1)).toBe(1);
});
