import { expect, test } from "vitest";
import { METHODS } from "../../bridge/contract.ts";
import { CONTRACT_VERSION } from "../../bridge/version.ts";
import { serve, type Handlers } from "../../bridge/serve.ts";
import { SyncError } from "../../src/model/error.ts";

const HELLO = { contract: CONTRACT_VERSION, plugin: "0", cache_folder: null };
const ANSWER = { contract: CONTRACT_VERSION, bridge: "0", runtime: { name: "node" as const, version: "0" } };

const never = (): never => {
  throw new Error("not part of this test");
};

/** Every method of the contract, so that a new one need not be named here. */
const NO_HANDLERS = Object.fromEntries(Object.keys(METHODS).map((name) => [name, never]));

const handlersWith = (own: Partial<Handlers>): Handlers =>
  ({ ...NO_HANDLERS, "bridge/hello": () => ANSWER, ...own }) as Handlers;

/** Sends the lines and returns every message that came back, and the log. */
async function talk(
  lines: (object | string)[],
  own: Partial<Handlers> = {},
): Promise<{ said: unknown[]; log: string }> {
  const said: unknown[] = [];
  let log = "";
  async function* given(): AsyncGenerator<string> {
    for (const line of lines) {
      yield typeof line === "string" ? line : JSON.stringify({ jsonrpc: "2.0", ...line });
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await serve(
    { lines: given(), write: (line) => said.push(JSON.parse(line)), log: (text) => (log += text) },
    handlersWith(own),
  );
  return { said, log };
}

test("hello is answered with the contract both speak", async () => {
  const { said } = await talk([{ id: 1, method: "bridge/hello", params: HELLO }]);
  expect(said).toEqual([{ jsonrpc: "2.0", id: 1, result: ANSWER }]);
});

test("a plugin of another contract is told both versions", async () => {
  const { said } = await talk([{ id: 1, method: "bridge/hello", params: { contract: 99, unknown: true } }]);
  expect(said).toEqual([
    {
      jsonrpc: "2.0",
      id: 1,
      error: { code: 1001, message: "ContractMismatch", data: { ours: CONTRACT_VERSION, theirs: 99 } },
    },
  ]);
});

test.each([false, true])(
  "an unknown method is -32601 and a broken line -32700 (after hello: %s), and the talk goes on",
  async (greeted) => {
    const hello = greeted ? [{ id: 1, method: "bridge/hello", params: HELLO }] : [];
    const { said } = await talk([
      ...hello,
      { id: 2, method: "no/such" },
      "{broken",
      { id: 3, method: "bridge/hello", params: HELLO },
    ]);
    expect(said.slice(hello.length)).toEqual([
      { jsonrpc: "2.0", id: 2, error: { code: -32601, message: "Method not found: no/such" } },
      { jsonrpc: "2.0", id: null, error: { code: -32700, message: "Parse error" } },
      { jsonrpc: "2.0", id: 3, result: ANSWER },
    ]);
  },
);

test("nothing but hello is answered before hello", async () => {
  const { said } = await talk([{ id: 1, method: "digest/compute", params: { paths: [] } }]);
  expect(said).toMatchObject([{ id: 1, error: { code: -32600 } }]);
});

test("parameters that do not fit are refused by path, without their values", async () => {
  const account = {
    id: "a",
    url: "",
    username: "u",
    userkey: "SECRET",
    headers: {},
    tls: { mode: "system" },
    proxy: null,
  };
  const { said } = await talk([
    { id: 1, method: "bridge/hello", params: HELLO },
    { id: 2, method: "account/authorize", params: { account } },
  ]);
  expect(said[1]).toMatchObject({ id: 2, error: { code: -32602, data: [{ path: "account.url" }] } });
  expect(JSON.stringify(said)).not.toContain("SECRET");
});

test("a SyncError crosses with its code, name and data", async () => {
  const { said } = await talk(
    [
      { id: 1, method: "bridge/hello", params: HELLO },
      { id: 2, method: "digest/compute", params: { paths: ["x"] } },
    ],
    {
      "digest/compute": () => {
        throw new SyncError("ServerUnreachable", { url: "http://x", attempts: 3, cause: "ECONNREFUSED" });
      },
    },
  );
  expect(said[1]).toEqual({
    jsonrpc: "2.0",
    id: 2,
    error: { code: 2001, message: "ServerUnreachable", data: { url: "http://x", attempts: 3, cause: "ECONNREFUSED" } },
  });
});

test("a fault of ours is -32603, with the stack in the log alone", async () => {
  const { said, log } = await talk([
    { id: 1, method: "bridge/hello", params: HELLO },
    { id: 2, method: "digest/compute", params: { paths: [] } },
  ]);
  expect(said[1]).toEqual({ jsonrpc: "2.0", id: 2, error: { code: -32603, message: "Internal error" } });
  expect(log).toContain("not part of this test");
});

test("a slow request does not hold up the next one, and can be cancelled", async () => {
  const { said } = await talk(
    [
      { id: 1, method: "bridge/hello", params: HELLO },
      { id: 2, method: "digest/compute", params: { paths: ["slow"] } },
      { id: 3, method: "sync/books", params: { run: "r", books: [] } },
      { method: "bridge/cancel", params: { id: 2 } },
    ],
    {
      "digest/compute": (_params, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("stopped")))),
      "sync/books": () => ({ received: 0 }),
    },
  );
  expect(said.slice(1)).toEqual([
    { jsonrpc: "2.0", id: 3, result: { received: 0 } },
    { jsonrpc: "2.0", id: 2, error: { code: 1002, message: "Cancelled", data: {} } },
  ]);
});

test("the end of the lines cancels what is still running", async () => {
  let aborted = false;
  await talk(
    [
      { id: 1, method: "bridge/hello", params: HELLO },
      { id: 2, method: "digest/compute", params: { paths: ["slow"] } },
    ],
    {
      "digest/compute": (_params, { signal }) =>
        new Promise((resolve) =>
          signal.addEventListener("abort", () => {
            aborted = true;
            resolve({ files: [] });
          }),
        ),
    },
  );
  expect(aborted).toBe(true);
});

test("progress is told for the request it belongs to, not too often, and always at the end", async () => {
  const { said } = await talk(
    [
      { id: 1, method: "bridge/hello", params: HELLO },
      { id: 7, method: "digest/compute", params: { paths: [] } },
    ],
    {
      "digest/compute": (_params, { progress }) => {
        for (let done = 1; done <= 1000; done++) progress(done, 1000, "digests");
        return { files: [] };
      },
    },
  );
  const notices = said.filter((message) => (message as { method?: string }).method === "bridge/progress");
  expect(notices.at(-1)).toMatchObject({ params: { id: 7, done: 1000, total: 1000, label: "digests" } });
  expect(notices.length).toBeLessThan(1000);
});
