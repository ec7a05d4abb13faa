/** What stripping, settling and hashing cost while a copy leaves, against calibre's own writing of the same copy. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { expect, test } from "vitest";
import { createPrivateCalibre } from "../test/plugin/private-calibre.ts";

const Line = z.object({ book: z.string(), ours_ms: z.number(), calibre_ms: z.number(), ratio: z.number() });

test("a copy with us against a copy without us", async () => {
  const calibre = await createPrivateCalibre();
  try {
    const out = join(calibre.folder, "times.jsonl");
    const args = ["-e", join(import.meta.dirname, "copies.py"), "--", out];
    const run = spawnSync(calibre.program("calibre-debug"), args, { env: calibre.env, encoding: "utf8" });
    expect({ status: run.status, stderr: run.stderr }).toMatchObject({ status: 0 });
    for (const line of readFileSync(out, "utf8").trimEnd().split("\n")) {
      const { book, ours_ms, calibre_ms, ratio } = Line.parse(JSON.parse(line));
      console.log(
        `${book}: ${ours_ms.toFixed(1)} ms, calibre alone ${calibre_ms.toFixed(1)} ms, ratio ${ratio.toFixed(2)}`,
      );
    }
  } finally {
    calibre.dispose();
  }
});
