import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPrivateCalibre } from "../calibre_plugin/private-calibre.ts";
import type { PrivateCalibre } from "../calibre_plugin/private-calibre.ts";
import { runInGui } from "./run-in-gui.ts";

const root = join(import.meta.dirname, "..", "..");
const Counted = z.strictObject({ clicks: z.int(), fields: z.int() });
const Outcome = z.object({ name: z.string(), outcome: z.string(), details: z.string() });
const NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

let calibre: PrivateCalibre;
beforeAll(async () => {
  calibre = await createPrivateCalibre({ bridge: join(root, "dist", "bridge") });
});
afterAll(() => calibre.dispose());

test("from a fresh installation to the first sync it takes as many fields and clicks as the user guide says", async () => {
  let fields = 0;
  let clicks = 0;
  for (const stage of ["before", "after"]) {
    const results = join(calibre.folder, `${stage}.jsonl`);
    const counts = join(calibre.folder, `${stage}.json`);
    const said = await runInGui(calibre, join(import.meta.dirname, "from_nothing.py"), results, {
      library: "bare",
      timeout: 120_000,
      env: { STAGE: stage, COUNT_FILE: counts },
    });
    if (!existsSync(counts)) throw new Error(said);
    for (const line of readFileSync(results, "utf8").trimEnd().split("\n")) {
      const { name, outcome, details } = Outcome.parse(JSON.parse(line));
      expect(["passed", "skipped"], `${name}: ${details}`).toContain(outcome);
    }
    const counted = Counted.parse(JSON.parse(readFileSync(counts, "utf8")));
    fields += counted.fields;
    clicks += counted.clicks;
  }
  expect(clicks).toBeGreaterThan(0);
  const guide = readFileSync(join(root, "docs", "user-guide.md"), "utf8");
  expect(guide).toContain(`That is ${NUMBERS[fields]} fields and ${NUMBERS[clicks]} clicks, one restart included`);
}, 300_000);
