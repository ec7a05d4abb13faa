/** What a sync spends on the copy logs of 10,000 books and 100,000 copies, against parsing that log once. */
import * as z from "zod";
import { expect, test } from "vitest";
import { measuredInCalibre } from "./support/in-calibre.ts";

const Line = z.object({ what: z.string(), ms: z.number(), floor_ms: z.number() });

test("gathering the copy logs before a sync", async () => {
  const lines = await measuredInCalibre("rebuild.py", Line);
  expect(lines.length).toBeGreaterThan(0);
  for (const { what, ms, floor_ms } of lines) {
    const ratio = (ms / floor_ms).toFixed(3);
    console.log(`${what}: ${ms.toFixed(1)} ms, the log parsed once ${floor_ms.toFixed(0)} ms, ratio ${ratio}`);
  }
});
