import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPrivateCalibre } from "../calibre_plugin/private-calibre.ts";
import type { PrivateCalibre } from "../calibre_plugin/private-calibre.ts";
import { runInGui } from "./run-in-gui.ts";

/** Whether a process of this number is alive; an ended one that nobody has waited for is not. */
function lives(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function hasEnded(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100 && lives(pid); tries += 1) await new Promise((later) => setTimeout(later, 100));
  return !lives(pid);
}

describe.runIf(process.platform === "linux")("calibre ends in the middle of a run", () => {
  let calibre: PrivateCalibre;
  beforeAll(async () => {
    calibre = await createPrivateCalibre({ bridge: join(import.meta.dirname, "..", "..", "dist", "bridge") });
  });
  afterAll(() => calibre.dispose());

  test.each(["quit", "quit with a stopped bridge", "kill"])(
    "by %s: the bridge ends with it, and the next start finds the library in order",
    async (how) => {
      const pidFile = join(calibre.folder, `${how}.pids`);
      const path = join(import.meta.dirname, "ends_suddenly.py");
      const results = join(calibre.folder, `${how}.jsonl`);
      const said = await runInGui(calibre, path, results, { env: { HOW: how, PID_FILE: pidFile }, timeout: 90_000 });
      if (!existsSync(pidFile)) throw new Error(said);
      const pids = readFileSync(pidFile, "utf8").split(" ").map(Number);
      expect(pids.length).toBeGreaterThan(0);
      for (const pid of pids) expect(await hasEnded(pid), `process ${pid}`).toBe(true);
      const [command = "", ...before] = calibre.alone("calibredb");
      const check = spawnSync(
        command,
        [...before, "check_library", "--with-library", join(calibre.folder, "library")],
        {
          env: calibre.env,
          encoding: "utf8",
          timeout: 60_000,
        },
      );
      if (check.status !== 0) throw new Error(`${check.stdout}${check.stderr}`);
    },
    200_000,
  );
});
