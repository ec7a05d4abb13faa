/**
 * A Debian with calibre and without Node and Deno: the packages as they are given to others, installed by calibre's own
 * *Load plugin from file*, and the first sync by clicks. A chroot that cannot be had is said, and skipped.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { SUITES, chrootOf } from "../../scripts/chroots.ts";
import { packPlugins } from "../../scripts/packages/plugin.ts";
import { PLATFORMS } from "../../scripts/packages/platforms.ts";
import { readPacked } from "../../scripts/packages/runtime.ts";
import { buildPluginZip } from "../../scripts/plugin-zip.ts";
import { createPrivateCalibre } from "../calibre_plugin/private-calibre.ts";
import type { PrivateCalibre } from "../calibre_plugin/private-calibre.ts";
import { runInGui } from "../gui/run-in-gui.ts";

const root = join(import.meta.dirname, "..", "..");
const gui = join(root, "test", "gui");
const bridge = join(root, "dist", "bridge");
const Outcome = z.object({ name: z.string(), outcome: z.string(), details: z.string() });
const platform = process.arch === "arm64" ? "linux-arm64" : "linux-x64";
const binaries = PLATFORMS.filter(({ name }) => name === platform).flatMap((each) => each.binaries);
/** What the tests in the window serve a release at. */
const RELEASES = "https://localhost:18443";

/** Runs a file in the window at a stage of the story; what did not pass in it, with what calibre said. */
async function troublesIn(calibre: PrivateCalibre, file: string, env: Record<string, string>): Promise<string[]> {
  const results = join(calibre.folder, `results-${file}-${env["STAGE"] ?? ""}.jsonl`);
  const said = await runInGui(calibre, join(gui, file), results, {
    timeout: 400_000,
    env: { PATH: "/usr/bin:/bin", ...env },
  });
  const lines = existsSync(results) ? readFileSync(results, "utf8").trimEnd().split("\n") : [];
  const outcomes = lines.map((line) => Outcome.parse(JSON.parse(line)));
  if (!outcomes.some(({ outcome }) => outcome === "passed")) return [`nothing passed in ${file}: ${said}`];
  return outcomes
    .filter(({ outcome }) => outcome === "failed")
    .map(({ name, details }) => `${name}: ${details}\n${said}`);
}

describe.each(SUITES)("Debian's %s with neither Node nor Deno", (suite) => {
  const calibres: PrivateCalibre[] = [];
  let missing: string | undefined;
  let inside = "";
  let universal = "";

  beforeAll(async () => {
    const made = chrootOf(suite);
    if ("missing" in made) {
      ({ missing } = made);
      return;
    }
    process.env["KOREADER_PROGRESS_CALIBRE"] = made.programs;
    const { folder } = await calibre();
    const packed = await packPlugins(folder, "test", bridge);
    inside = packed.find((path) => path.endsWith(`-${platform}.zip`)) ?? "";
    universal = join(folder, "koreader-progress.zip");
    await buildPluginZip(universal, { bridge, releases: RELEASES });
  });

  afterAll(() => {
    for (const each of calibres) each.dispose();
  });

  async function calibre(): Promise<PrivateCalibre> {
    const made = await createPrivateCalibre({ plugin: false });
    calibres.push(made);
    return made;
  }

  test("the zip with Deno inside is loaded from its file and syncs; the updater's universal zip goes on with it", async (context) => {
    context.skip(missing !== undefined, missing);
    const on = await calibre();
    expect(await troublesIn(on, "load_plugin.py", { PLUGIN_ZIP: inside, STAGE: "inside" })).toEqual([]);
    expect(await troublesIn(on, "bare_computer.py", { STAGE: "carried" })).toEqual([]);
    expect(await troublesIn(on, "load_plugin.py", { PLUGIN_ZIP: universal, STAGE: "universal" })).toEqual([]);
    expect(await troublesIn(on, "bare_computer.py", { STAGE: "exchanged" })).toEqual([]);
  });

  test("the universal zip is loaded from its file, fetches Deno from a release, and syncs", async (context) => {
    context.skip(missing !== undefined, missing);
    const on = await calibre();
    const [binary] = binaries;
    if (binary === undefined) throw new Error(`nothing is made for ${platform}`);
    const archive = readPacked(binary).path;
    expect(await troublesIn(on, "load_plugin.py", { PLUGIN_ZIP: universal, STAGE: "universal" })).toEqual([]);
    expect(await troublesIn(on, "bare_computer.py", { STAGE: "fetched", ARCHIVE: archive })).toEqual([]);
  });
});
