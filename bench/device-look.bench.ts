/** What a look at a card of 3,000 books and 800 sidecars takes, against reading the same files once; then again, unchanged. */
import * as z from "zod";
import { expect, test } from "vitest";
import { measuredInCalibre } from "./support/in-calibre.ts";

const Line = z.object({ what: z.string(), ms: z.number(), floor_ms: z.number() });

test("looking at a card", async () => {
  const lines = await measuredInCalibre("device_look.py", Line);
  expect(lines.length).toBeGreaterThan(0);
  for (const { what, ms, floor_ms } of lines) {
    const ratio = (ms / floor_ms).toFixed(2);
    console.log(`${what}: ${ms.toFixed(0)} ms, the same files read once ${floor_ms.toFixed(0)} ms, ratio ${ratio}`);
  }
});
