import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as yauzl from "yauzl";
import { packForNpm } from "../../scripts/packages/command.ts";
import { billOfMaterials, licences } from "../../scripts/packages/contents.ts";
import { buildPluginZip } from "../../scripts/plugin-zip.ts";

const root = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "koreader-progress-packages-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An empty folder, no network, and no other Node than the one that runs this. */
function runApart(
  command: string,
  args: string[],
  cwd: string,
): { status: number | null; stdout: string; stderr: string } {
  const env = {
    ...process.env,
    PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter),
    npm_config_offline: "true",
  };
  return spawnSync(command, args, { cwd, env, encoding: "utf8" });
}

describe("the command line, packed for npm", () => {
  const home = join(folder, "somewhere");

  beforeAll(async () => {
    mkdirSync(home);
    const packed = await packForNpm(folder);
    const { status, stderr } = runApart("npm", ["install", "--prefix", home, packed], home);
    if (status !== 0) throw new Error(stderr);
  });

  test("brings nothing else along, and stays small", () => {
    expect(globSync("node_modules/*", { cwd: home })).toEqual([join("node_modules", "calibre-koreader-progress")]);
    const files = globSync("node_modules/**/*", { cwd: home, withFileTypes: true }).filter((entry) => entry.isFile());
    const bytes = files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    expect(bytes).toBeLessThan(8e6);
  });

  test("is started by its name, not handed to the shell", () => {
    expect(runApart("npx", ["koreader-progress", "--version"], home).stdout).toMatch(/^\d+\.\d+\.\d+$/m);
    const said = runApart(
      join(home, "node_modules", ".bin", "koreader-progress"),
      ["digest", join(root, "LICENSE")],
      home,
    );
    expect(said).toMatchObject({ status: 0, stderr: "" });
    expect(said.stdout).toMatch(/^[0-9a-f]{32} {2}[0-9a-f]{32} /);
  });

  test("every command of it can be loaded", () => {
    const command = join(home, "node_modules", ".bin", "koreader-progress");
    const listed = runApart(command, ["--help"], home).stdout;
    const names = [...listed.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names)
      expect(runApart(command, [name, "--help"], home)).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("the plugin's zip", () => {
  test("stays below what a forum or an updater on the window's thread can bear, and carries no Redis", async () => {
    const zip = join(folder, "universal.zip");
    const bridge = join(root, "dist", "bridge");
    await buildPluginZip(zip, { bridge });
    expect(statSync(zip).size).toBeLessThan(2.0e6);
    const code = globSync("**/*.mjs", { cwd: bridge }).map((name) => readFileSync(join(bridge, name), "utf8"));
    expect(code.filter((text) => text.includes("@redis/client") || text.includes("RESP_TYPES"))).toEqual([]);
  });

  test("with a runtime inside it is for one system alone, and says so where calibre looks", async () => {
    const zip = join(folder, "for-macos.zip");
    await buildPluginZip(zip, {
      system: "osx",
      extra: [{ name: "runtime/manifest.json", bytes: Buffer.from("[]\n") }],
    });
    const file = await yauzl.openPromise(zip);
    const said: Record<string, string> = {};
    for await (const entry of file.eachEntry()) {
      if (!["__init__.py", "runtime/manifest.json"].includes(entry.fileName)) continue;
      const parts: Buffer[] = [];
      for await (const part of await file.openReadStreamPromise(entry)) parts.push(part as Buffer);
      said[entry.fileName] = Buffer.concat(parts).toString();
    }
    expect(said["__init__.py"]).toContain('\n    supported_platforms = ["osx"]\n');
    expect(said["runtime/manifest.json"]).toBe("[]\n");
  });
});

describe("what is inside", () => {
  test("is listed, with the licence of everything", () => {
    expect(billOfMaterials("1.2.3")).toContain('"name": "zod"');
    const text = licences();
    for (const name of ["fastify", "zod", "undici", "yauzl", "parse5", "spark-md5", "redis", "deno"]) {
      expect(text).toMatch(new RegExp(`^${name} \\d`, "m"));
    }
    expect(text).not.toContain("Licence: not said");
  });
});
