import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Hello } from "../../bridge/contract.ts";
import { readFirstHello } from "../../bridge/first-hello.ts";
import { CONTRACT_VERSION } from "../../bridge/version.ts";

const GOOD = { contract: CONTRACT_VERSION, plugin: "1.0", cache_folder: "/tmp/x" };
const line = (params: unknown, more: object = {}): string =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, method: "bridge/hello", params, ...more });

test("an ordinary hello is read without any schema", () => {
  expect(readFirstHello(line(GOOD))).toEqual({ id: 1, params: GOOD });
});

describe("what is out of the ordinary is left to those who know every answer", () => {
  test.each([
    ["another contract", line({ ...GOOD, contract: CONTRACT_VERSION + 1 })],
    ["an unknown key", line({ ...GOOD, more: 1 })],
    ["a missing key", line({ contract: CONTRACT_VERSION, plugin: "1.0" })],
    ["another method", line(GOOD, { method: "sync/next" })],
    ["no id", line(GOOD, { id: undefined })],
    ["not JSON-RPC", line(GOOD, { jsonrpc: "1.0" })],
    ["a broken line", "{"],
    ["a scalar", "5"],
    ["null", "null"],
  ])("%s", (_, text) => {
    expect(readFirstHello(text)).toBeNull();
  });
});

test("whatever is read as hello satisfies hello's own schema", () => {
  const near = fc.record(
    {
      contract: fc.oneof(fc.constant(CONTRACT_VERSION), fc.jsonValue()),
      plugin: fc.oneof(fc.string(), fc.jsonValue()),
      cache_folder: fc.oneof(fc.string(), fc.constant(null), fc.jsonValue()),
      more: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const agrees = fc.check(
    fc.property(near, (params) => readFirstHello(line(params)) === null || Hello.safeParse(params).success),
  );
  expect(agrees).toMatchObject({ failed: false });
});
