/** What stripping, settling and hashing cost while a copy leaves, against calibre's own writing of the same copy. */
import * as z from "zod";
import { expect, test } from "vitest";
import { measuredInCalibre } from "./support/in-calibre.ts";

const Line = z.object({ book: z.string(), ours_ms: z.number(), calibre_ms: z.number(), ratio: z.number() });

test("a copy with us against a copy without us", async () => {
  const lines = await measuredInCalibre("copies.py", Line);
  expect(lines.length).toBeGreaterThan(0);
  for (const { book, ours_ms, calibre_ms, ratio } of lines) {
    const times = `${ours_ms.toFixed(1)} ms, calibre alone ${calibre_ms.toFixed(1)} ms`;
    console.log(`${book}: ${times}, ratio ${ratio.toFixed(2)}`);
  }
});
