/** Runs a Python file in a calibre of its own, and hands over the JSON lines that it leaves behind. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type * as z from "zod";
import { createPrivateCalibre } from "../../test/calibre_plugin/private-calibre.ts";

const root = join(import.meta.dirname, "..", "..");

/** Each line of `bench/<file>` as the schema has it; throws with calibre's own words when it fails. */
export async function measuredInCalibre<T>(file: string, schema: z.ZodType<T>): Promise<T[]> {
  const calibre = await createPrivateCalibre({ bridge: join(root, "dist", "bridge") });
  try {
    const out = join(calibre.folder, "times.jsonl");
    const args = ["-e", join(import.meta.dirname, "..", file), "--", out];
    // A runtime that the plugin finds by itself.
    const PATH = `${join(process.execPath, "..")}:${process.env["PATH"] ?? ""}`;
    const env = { ...calibre.env, PATH, TEST_FOLDER: calibre.folder };
    const run = spawnSync(calibre.program("calibre-debug"), args, { env, encoding: "utf8" });
    if (run.status !== 0) throw new Error(run.stderr);
    return readFileSync(out, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => schema.parse(JSON.parse(line)));
  } finally {
    calibre.dispose();
  }
}
