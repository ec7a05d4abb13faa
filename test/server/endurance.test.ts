import { expect, test } from "vitest";
import { killInMidLoad } from "./support/kill.ts";
import { loadSteadily } from "./support/steady-load.ts";

const ROUNDS = 5;
const SECONDS = 20;
/** Bytes a request. The smallest entry of a Map that is never emptied costs more; without a leak it is about 0. */
const MAX_LEAK = 40;

test.each(["sqlite", "redis"] as const)(
  "killed with -9 in mid-load, a server on %s has lost nothing it answered, and nothing is torn",
  async (kind) => {
    const { acknowledged, lost, torn } = await killInMidLoad(kind, ROUNDS);
    expect(acknowledged).toBeGreaterThan(100 * ROUNDS);
    expect(lost).toEqual([]);
    expect(torn).toEqual([]);
  },
  300_000,
);

test(
  "memory does not grow under steady load",
  async () => {
    const { requests, failures, leak } = await loadSteadily(SECONDS);
    expect(failures).toBe(0);
    expect(requests).toBeGreaterThan(1000);
    expect(leak).toBeLessThan(MAX_LEAK);
  },
  (SECONDS + 60) * 1000,
);
