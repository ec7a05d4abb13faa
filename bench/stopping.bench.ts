/** How soon a stop is answered while a book of 60 MB is predicted, against the whole prediction. */
import * as z from "zod";
import { expect, test } from "vitest";
import { measuredInCalibre } from "./support/in-calibre.ts";

const Line = z.object({ tenth: z.number(), ms: z.number(), whole_ms: z.number() });

test("stopping in the middle of a large book", async () => {
  const lines = await measuredInCalibre("stopping.py", Line);
  expect(lines.length).toBeGreaterThan(0);
  for (const { tenth, ms, whole_ms } of lines) {
    const share = (ms / whole_ms).toFixed(3);
    console.log(`stopped at ${tenth}/10: ${ms.toFixed(0)} ms, the whole ${whole_ms.toFixed(0)} ms, ratio ${share}`);
  }
});
