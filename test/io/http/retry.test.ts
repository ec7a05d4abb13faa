import { describe, expect, test } from "vitest";
import { backoff, isPassing, pauseAfter, readRetryAfter } from "../../../src/io/http/retry.ts";

const NOW = Date.UTC(2026, 0, 1, 12);

const answer = (status: number, retry_after: string | null = null): Parameters<typeof pauseAfter>[0] => ({
  status,
  type: "",
  body: "",
  location: null,
  retry_after,
});

describe("how long to wait", () => {
  test.each([
    ["7", 7000],
    [" 0 ", 0],
    ["Thu, 01 Jan 2026 12:00:05 GMT", 5000],
    ["Thu, 01 Jan 2026 11:00:00 GMT", 0],
    ["soon", null],
    [null, null],
  ])("Retry-After: %s is %s ms", (header, expected) => {
    expect(readRetryAfter(header, NOW)).toBe(expected);
  });

  test("each pause is twice as long as the one before, and somewhere in its upper half", () => {
    expect([1, 2, 3].map((attempt) => backoff(attempt, () => 0))).toEqual([125, 250, 500]);
    expect([1, 2, 3].map((attempt) => backoff(attempt, () => 1))).toEqual([250, 500, 1000]);
  });

  test("a server's own wish counts when it is longer, and when it is too long we go", () => {
    expect(pauseAfter(answer(503, "3"), 1, NOW)).toBe(3000);
    expect(pauseAfter(answer(429, "0"), 1, NOW)).toBeGreaterThanOrEqual(125);
    expect(pauseAfter(answer(429, "21"), 1, NOW)).toBeNull();
  });
});

test("what can be another answer a moment later, and what cannot", () => {
  expect([408, 425, 429, 500, 502, 503, 504].filter((status) => !isPassing(status))).toEqual([]);
  expect([200, 301, 400, 401, 402, 403, 404, 409, 412, 501, 505].filter(isPassing)).toEqual([]);
});
