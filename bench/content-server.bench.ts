/** A GET and a PUT through calibre's content server, against calibre's own smallest answer and our own port. */
import * as z from "zod";
import { expect, test } from "vitest";
import { isAtLeast } from "../test/calibre_plugin/calibre-version.ts";
import { measuredInCalibre } from "./support/in-calibre.ts";

const Line = z.object({ what: z.string(), ms: z.number(), floor_ms: z.number(), port_ms: z.number() });

// An older calibre lets no plugin answer in its content server.
test.runIf(isAtLeast(9, 12))("KOReader's requests through calibre's content server", async () => {
  const lines = await measuredInCalibre("content_server.py", Line);
  expect(lines.length).toBeGreaterThan(0);
  for (const { what, ms, floor_ms, port_ms } of lines) {
    const floor = `calibre's own smallest ${floor_ms.toFixed(2)} ms, ratio ${(ms / floor_ms).toFixed(2)}`;
    console.log(`${what}: ${ms.toFixed(2)} ms; ${floor}; our own port ${port_ms.toFixed(2)} ms`);
  }
});
