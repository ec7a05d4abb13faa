/** What the undo window asks of a journal of 10,000 runs and a million lines, against reading all of it once. */
import * as z from "zod";
import { expect, test } from "vitest";
import { measuredInCalibre } from "./support/in-calibre.ts";

const Line = z.object({ what: z.string(), ms: z.number(), floor_ms: z.number() });

test("a long journal in the undo window", async () => {
  const lines = await measuredInCalibre("journal.py", Line);
  expect(lines.length).toBeGreaterThan(0);
  for (const { what, ms, floor_ms } of lines) {
    const ratio = (ms / floor_ms).toFixed(4);
    console.log(`${what}: ${ms.toFixed(0)} ms, all of it read once ${floor_ms.toFixed(0)} ms, ratio ${ratio}`);
  }
});
