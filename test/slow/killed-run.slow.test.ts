/** calibre's window is killed at a step of a sync; the calibre after it undoes, syncs, or does both. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPrivateCalibre } from "../calibre_plugin/private-calibre.ts";
import type { PrivateCalibre } from "../calibre_plugin/private-calibre.ts";
import { runInGui } from "../gui/run-in-gui.ts";

const root = join(import.meta.dirname, "..", "..");
const script = join(root, "test", "gui", "killed_run.py");
/** What a calibre leaves for the next one. */
const KEPT = ["library", "config", "data"];
const STEPS = (process.env["KILL_STEPS"] ?? "0 1 3 5 7 9 12 16").split(" ");

describe.runIf(process.platform === "linux").each(STEPS)("calibre is killed at step %s of a sync", (step) => {
  let calibre: PrivateCalibre;
  const kept = (name: string): string => join(calibre.folder, "kept", name);

  beforeAll(async () => {
    calibre = await createPrivateCalibre({ bridge: join(root, "dist", "bridge") });
    mkdirSync(join(calibre.folder, "data"));
    const results = join(calibre.folder, "killed.jsonl");
    const env = { KILL_AT: step, SERVER_DATA: join(calibre.folder, "data") };
    const said = await runInGui(calibre, script, results, { env, timeout: 300_000 });
    // Whoever was killed has told nothing.
    if (existsSync(results) && readFileSync(results, "utf8") !== "") throw new Error(said);
    for (const name of KEPT) cpSync(join(calibre.folder, name), kept(name), { recursive: true });
  });

  afterAll(() => calibre.dispose());

  test.each(["undo", "sync", "both"])("and the next calibre does %s", async (how) => {
    for (const name of KEPT) {
      rmSync(join(calibre.folder, name), { recursive: true, force: true });
      cpSync(kept(name), join(calibre.folder, name), { recursive: true });
    }
    const results = join(calibre.folder, `${how}.jsonl`);
    const env = { FOLLOWED_BY: how, SERVER_DATA: join(calibre.folder, "data") };
    const said = await runInGui(calibre, script, results, { env, timeout: 300_000 });
    const outcome = existsSync(results) ? readFileSync(results, "utf8") : "";
    expect(outcome, `${outcome}\n${said}`).toContain('"outcome": "passed"');
    const [command = "", ...before] = calibre.alone("calibredb");
    const line = [...before, "check_library", "--with-library", join(calibre.folder, "library")];
    const check = spawnSync(command, line, { env: calibre.env, encoding: "utf8", timeout: 120_000 });
    expect(check.status, `${check.stdout}${check.stderr}`).toBe(0);
  });
});
