import { expect, test } from "vitest";
import { loadSteadily } from "../server/support/steady-load.ts";

const SECONDS = 120;
/** Bytes a request; a quarter of what the short run allows, for a longer one is less blurred. */
const MAX_LEAK = 10;

test("memory does not grow under a long steady load", async () => {
  const { requests, failures, leak } = await loadSteadily(SECONDS);
  expect(failures).toBe(0);
  expect(requests).toBeGreaterThan(1000);
  expect(leak).toBeLessThan(MAX_LEAK);
});
