/** What a sync spends on the copy logs of 10,000 books and 100,000 copies, against parsing that log once. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { expect, test } from "vitest";
import { createPrivateCalibre } from "../test/plugin/private-calibre.ts";

const Line = z.object({ what: z.string(), ms: z.number(), floor_ms: z.number() });

test("gathering the copy logs before a sync", async () => {
  const calibre = await createPrivateCalibre();
  try {
    const out = join(calibre.folder, "times.jsonl");
    const args = ["-e", join(import.meta.dirname, "rebuild.py"), "--", out];
    const env = { ...calibre.env, TEST_FOLDER: calibre.folder };
    const run = spawnSync(calibre.program("calibre-debug"), args, { env, encoding: "utf8" });
    expect({ status: run.status, stderr: run.stderr }).toMatchObject({ status: 0 });
    for (const line of readFileSync(out, "utf8").trimEnd().split("\n")) {
      const { what, ms, floor_ms } = Line.parse(JSON.parse(line));
      console.log(
        `${what}: ${ms.toFixed(1)} ms, the log parsed once ${floor_ms.toFixed(0)} ms, ratio ${(ms / floor_ms).toFixed(3)}`,
      );
    }
  } finally {
    calibre.dispose();
  }
});
