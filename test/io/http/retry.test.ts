import { describe, expect, test } from "vitest";
import { backoff, isPassing, pauseAfter, readRetryAfter } from "../../../src/io/http/retry.ts";

const NOW = Date.UTC(2026, 0, 1, 12);

const answer = (status: number, retry_after: string | null = null) => ({ status, retry_after });

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

  test("a failing server is tried so often and no more", () => {
    expect(pauseAfter(answer(500), 1, 3, NOW)).toBeGreaterThanOrEqual(125);
    expect(pauseAfter(answer(500), 3, 3, NOW)).toBeNull();
  });

  test("a busy one waits in line, where the pace is kept, and is asked more often; a pause of minutes is too long", () => {
    expect(pauseAfter(answer(503), 3, 3, NOW)).toBe(0);
    expect(pauseAfter(answer(429, "0"), 5, 3, NOW)).toBe(0);
    expect(pauseAfter(answer(429, "20"), 1, 3, NOW)).toBe(0);
    expect(pauseAfter(answer(429), 6, 3, NOW)).toBeNull();
    expect(pauseAfter(answer(429, "21"), 1, 3, NOW)).toBeNull();
  });

  test("what is asked only once is not asked again", () => {
    expect(pauseAfter(answer(429), 1, 1, NOW)).toBeNull();
    expect(pauseAfter(answer(500), 1, 1, NOW)).toBeNull();
  });
});

test("what can be another answer a moment later, and what cannot", () => {
  expect([408, 425, 429, 500, 502, 503, 504].filter((status) => !isPassing(status))).toEqual([]);
  expect([200, 301, 400, 401, 402, 403, 404, 409, 412, 501, 505, 511].filter(isPassing)).toEqual([]);
});
