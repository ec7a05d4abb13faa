/**
 * A Debian with calibre and without Node and Deno: the packages as they are given to others, installed by calibre's own
 * *Load plugin from file*, and the first sync by clicks. Where no chroot can be made it is this machine's calibre, which
 * sees of its programs only what /usr/bin holds.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { chrootOf } from "../../scripts/chroots.ts";
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
const [binary] = PLATFORMS.filter(({ name }) => name === platform).flatMap(({ binaries }) => binaries);

describe.runIf(process.platform === "linux")("a computer with neither Node nor Deno", () => {
  const calibres: PrivateCalibre[] = [];
  let packed: PrivateCalibre;
  let inside = "";
  let universal = "";

  beforeAll(async () => {
    const made = chrootOf("trixie");
    if (!("missing" in made)) process.env["KOREADER_PROGRESS_CALIBRE"] = made.programs;
    packed = await calibre();
    const [, ...others] = await packPlugins(packed.folder, "test", bridge);
    inside = others.find((path) => path.endsWith(`-${platform}.zip`)) ?? "";
    universal = join(packed.folder, "koreader-progress.zip");
    await buildPluginZip(universal, { bridge, releases: "https://localhost:18443" });
  });

  afterAll(() => {
    for (const each of calibres) each.dispose();
  });

  async function calibre(): Promise<PrivateCalibre> {
    const made = await createPrivateCalibre({ plugin: false });
    calibres.push(made);
    return made;
  }

  /** Runs a file in the window; every test of it has to pass. */
  async function pass(on: PrivateCalibre, file: string, env: Record<string, string>): Promise<void> {
    const results = join(on.folder, `results-${file}-${env["STAGE"] ?? ""}.jsonl`);
    const said = await runInGui(on, join(gui, file), results, {
      timeout: 400_000,
      env: { PATH: "/usr/bin:/bin", ...env },
    });
    const lines = existsSync(results) ? readFileSync(results, "utf8").trimEnd().split("\n") : [];
    const outcomes = lines.map((line) => Outcome.parse(JSON.parse(line)));
    const failed = outcomes.filter(({ outcome }) => outcome === "failed");
    expect(failed.map(({ name, details }) => `${name}: ${details}`).join("\n"), said).toBe("");
    expect(outcomes.filter(({ outcome }) => outcome === "passed").length, said).toBeGreaterThan(0);
  }

  test("the zip with Deno inside is loaded from its file and syncs; the updater's universal zip goes on with it", async () => {
    const on = await calibre();
    await pass(on, "load_plugin.py", { PLUGIN_ZIP: inside, STAGE: "inside" });
    await pass(on, "bare_computer.py", { STAGE: "carried" });
    await pass(on, "load_plugin.py", { PLUGIN_ZIP: universal, STAGE: "universal" });
    await pass(on, "bare_computer.py", { STAGE: "exchanged" });
  });

  test("the universal zip is loaded from its file, fetches Deno from a release, and syncs", async () => {
    const on = await calibre();
    if (binary === undefined) throw new Error(`nothing is made for ${platform}`);
    await pass(on, "load_plugin.py", { PLUGIN_ZIP: universal, STAGE: "universal" });
    await pass(on, "bare_computer.py", { STAGE: "fetched", ARCHIVE: readPacked(binary).path });
  });
});
