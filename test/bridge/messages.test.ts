/** Messages as a built bridge has really taken and given them, against today's contract; calibre's side replays the same. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as z from "zod";
import { METHODS, NOTIFICATIONS, RPC_ERRORS } from "../../bridge/contract.ts";
import { SYNC_ERRORS } from "../../src/model/error.ts";

const Called = z.looseObject({ method: z.string(), params: z.unknown() });
const Failure = z.strictObject({ code: z.number().int(), message: z.string(), data: z.unknown().optional() });
const Message = z.strictObject({
  /** A request and its answer, a line that was no JSON and its answer, or a notification. */
  request: Called.optional(),
  broken: z.string().optional(),
  answer: z.looseObject({ result: z.unknown().optional(), error: Failure.optional() }).optional(),
  notice: Called.optional(),
});

const messages = readFileSync("test/fixtures/messages/bridge.jsonl", "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => Message.parse(JSON.parse(line)));

const byName: Readonly<Record<string, { readonly params: z.ZodType; readonly result: z.ZodType }>> = METHODS;
const notices: Readonly<Record<string, z.ZodType>> = NOTIFICATIONS;
const names = new Map<number, string>(
  Object.entries({ ...SYNC_ERRORS, ...RPC_ERRORS }).map(([name, code]) => [code, name]),
);

test.each(Object.keys(METHODS))("%s is asked and answered as the contract has it", (method) => {
  const answered = messages.filter(({ request, answer }) => request?.method === method && answer?.error === undefined);
  expect(answered).not.toEqual([]);
  for (const { request, answer } of answered) {
    byName[method]?.params.parse(request?.params);
    byName[method]?.result.parse(answer?.result);
  }
});

test.each(Object.keys(NOTIFICATIONS))("%s is told as the contract has it", (name) => {
  const told = messages.flatMap(({ notice }) => (notice?.method === name ? [notice] : []));
  expect(told).not.toEqual([]);
  for (const { params } of told) notices[name]?.parse(params);
});

test("every error is one of the contract's, and the usual ones have been met", () => {
  const failures = messages.flatMap(({ answer }) => (answer?.error === undefined ? [] : [answer.error]));
  for (const { code, message } of failures.filter(({ code }) => code > 0)) expect(names.get(code)).toBe(message);
  expect(failures.filter(({ code }) => !names.has(code))).toEqual([]);
  expect(new Set(failures.map(({ message }) => message)).size).toBeGreaterThan(10);
});

test("no secret is in them", () => {
  expect(JSON.stringify(messages).match(/"userkey":"(?!0{32}"|wrong")[^"]*"/g)).toBeNull();
});
