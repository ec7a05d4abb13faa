import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import * as yauzl from "yauzl";
import * as z from "zod";
import { buildPluginZip } from "../../scripts/plugin-zip.ts";

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-zip-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function namesIn(zip: string): Promise<string[]> {
  const names: string[] = [];
  const file = await yauzl.openPromise(zip);
  for await (const entry of file.eachEntry()) names.push(entry.fileName);
  return names;
}

test("the same sources give the same zip, whatever the time zone", async () => {
  const [one, two] = [join(folder, "one.zip"), join(folder, "two.zip")];
  await buildPluginZip(one);
  const module = new URL("../../scripts/plugin-zip.ts", import.meta.url).href;
  const script = `import { buildPluginZip } from ${JSON.stringify(module)}; await buildPluginZip(${JSON.stringify(two)});`;
  const env = { ...process.env, TZ: "Asia/Tokyo" };
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], { env, encoding: "utf8" });
  expect(run.stderr).toBe("");
  expect(readFileSync(two)).toEqual(readFileSync(one));
});

test("the zip holds what calibre needs and nothing of the workshop", async () => {
  const bridge = join(folder, "bridge");
  mkdirSync(join(bridge, "chunks"), { recursive: true });
  writeFileSync(join(bridge, "main.mjs"), "1;");
  writeFileSync(join(bridge, "chunks", "a.mjs"), "2;");
  const zip = join(folder, "with-bridge.zip");
  await buildPluginZip(zip, { bridge });
  const names = await namesIn(zip);
  expect(names).toEqual(
    expect.arrayContaining([
      "__init__.py",
      "plugin-import-name-koreader_progress.txt",
      "bridge/chunks/a.mjs",
      "bridge/main.mjs",
    ]),
  );
  expect(names.filter((name) => /\.(po|pyc)$|__pycache__/.test(name))).toEqual([]);
  expect(names).toEqual([...names].sort());
});

test("the plugin's version is the package's", () => {
  const source = readFileSync(new URL("../../calibre_plugin/__init__.py", import.meta.url), "utf8");
  const inPython = /^ {4}version = \((\d+), (\d+), (\d+)\)/m.exec(source)?.slice(1).join(".");
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")));
  expect(inPython).toBe(version);
});
