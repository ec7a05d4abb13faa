/**
 * How long a run goes on after Stop, and how long calibre's window goes without an answer while ten thousand books are synced and somebody leafs through them,
 * beside an idle process, and beside the same leafing while nothing else happens.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { expect, test } from "vitest";
import { runInGui } from "../test/gui/run-in-gui.ts";
import { createPrivateCalibre } from "../test/calibre_plugin/private-calibre.ts";

/** Milliseconds: what a reader feels as a hitch. */
const FELT = 100;
/** Milliseconds: how soon a run has ended after Stop. */
const SOON = 1000;
/** Milliseconds: where even an idle process waits longer, the machine is too busy, and only our own work is judged. */
const CALM = 15;

const Stall = z.strictObject({
  phase: z.string(),
  window_ms: z.number(),
  worked_ms: z.number(),
  machine_ms: z.number(),
});
const Stop = z.strictObject({ stopped: z.string(), took_ms: z.number(), machine_ms: z.number() });

test("no phase of a sync of ten thousand books is felt in the window, and Stop ends it within a second", async () => {
  const root = join(import.meta.dirname, "..");
  const calibre = await createPrivateCalibre({ bridge: join(root, "dist", "bridge") });
  try {
    const stalls = join(calibre.folder, "stalls.jsonl");
    const said = await runInGui(
      calibre,
      join(root, "test", "gui", "large_library.py"),
      join(calibre.folder, "results.jsonl"),
      { books: 10_000, timeout: 420_000, env: { BOOKS_WITH_FILES: "0", STALLS: stalls } },
    );
    if (!existsSync(stalls)) throw new Error(said);
    const lines = readFileSync(stalls, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => z.union([Stall, Stop]).parse(JSON.parse(line)));
    const measured = lines.filter((line) => "phase" in line);
    const stopped = lines.filter((line) => "stopped" in line);
    for (const stop of stopped) console.log(`stopped when ${stop.stopped}: after ${stop.took_ms.toFixed(0)} ms`);
    for (const { phase, window_ms, worked_ms, machine_ms } of measured) {
      console.log(
        `${phase}: longest stall ${window_ms.toFixed(0)} ms, most work in one ${worked_ms.toFixed(0)} ms; ` +
          `an idle process beside it ${machine_ms.toFixed(0)} ms`,
      );
    }
    expect({ phases: measured.length, stops: stopped.length }).toEqual({ phases: 7, stops: 3 });
    expect(stopped.filter((stop) => stop.machine_ms < CALM && stop.took_ms > SOON)).toEqual([]);
    const felt = measured.filter((stall) => (stall.machine_ms < CALM ? stall.window_ms : stall.worked_ms) > FELT);
    expect(felt).toEqual([]);
  } finally {
    calibre.dispose();
  }
});
