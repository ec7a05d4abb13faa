/** On a computer without Node and Deno: the zip with Deno inside, and the universal one. */
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import * as z from "zod";
import { buildPluginZip } from "../../scripts/plugin-zip.ts";
import { createPrivateCalibre } from "../calibre_plugin/private-calibre.ts";
import { runInGui } from "./run-in-gui.ts";

const root = join(import.meta.dirname, "..", "..");
const bridge = join(root, "dist", "bridge");
const Outcome = z.object({ name: z.string(), outcome: z.string(), details: z.string() });
const Package = z.object({ version: z.string() });

/** The Deno that the tests run with, as a package carries it. */
function carried(): Array<{ name: string; bytes: Buffer }> {
  const [path = ""] = globSync("node_modules/@deno/*/deno", { cwd: root });
  const bytes = readFileSync(join(root, path));
  const { version } = Package.parse(JSON.parse(readFileSync(join(root, path, "..", "package.json"), "utf8")));
  const build = {
    name: "deno-here",
    system: process.platform,
    machines: process.arch === "x64" ? ["x86_64"] : ["arm64", "aarch64"],
    version,
    size: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
  return [
    { name: "runtime/manifest.json", bytes: Buffer.from(JSON.stringify([build])) },
    { name: "runtime/deno-here", bytes },
  ];
}

test.each([
  ["carried", "the zip with Deno inside syncs where there is neither Node nor Deno"],
  ["universal", "the universal zip fetches Deno after a question, and can be stopped"],
])("%s: %s", { timeout: 400_000 }, async (stage) => {
  const calibre = await createPrivateCalibre({ plugin: false });
  try {
    const zip = join(calibre.folder, "KOReaderProgress.zip");
    await buildPluginZip(zip, { bridge, extra: stage === "carried" ? carried() : [] });
    const added = spawnSync(calibre.program("calibre-customize"), ["-a", zip], { env: calibre.env, encoding: "utf8" });
    expect(added.stderr).not.toContain("Traceback");
    const results = join(calibre.folder, "results.jsonl");
    const said = await runInGui(calibre, join(import.meta.dirname, "own_runtime.py"), results, {
      timeout: 180_000,
      // Nothing of this computer's: not even what is installed beside calibre counts, when it is too old.
      env: { STAGE: stage, PATH: "/usr/bin:/bin" },
    });
    const outcomes = readFileSync(results, "utf8").trimEnd().split("\n");
    for (const line of outcomes) {
      const { name, outcome, details } = Outcome.parse(JSON.parse(line));
      expect(["passed", "skipped"], `${name}: ${details}\n${said}`).toContain(outcome);
    }
    expect(outcomes).toHaveLength(5);
  } finally {
    calibre.dispose();
  }
});
