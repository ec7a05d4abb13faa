import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "koreader-progress-packages-"));
const first = "packages/first";
const second = "packages/second";
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string, args: string[], cwd = root): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

beforeAll(() => {
  run(process.execPath, ["scripts/build.ts"]);
  run(process.execPath, ["scripts/package.ts", first]);
});

describe("what is given to others", () => {
  test("is the same, byte for byte, when it is made again", () => {
    run(process.execPath, ["scripts/build.ts"]);
    run(process.execPath, ["scripts/package.ts", second]);
    expect(readFileSync(join(root, second, "SHA256SUMS"), "utf8")).toBe(
      readFileSync(join(root, first, "SHA256SUMS"), "utf8"),
    );
  });

  test("has a plugin for each kind of machine, and says how large each may become", () => {
    const names = readdirSync(join(root, first));
    for (const kind of ["windows-x64", "macos", "linux-x64", "linux-arm64"]) {
      const zip = names.find((name) => name.endsWith(`-${kind}.zip`));
      expect(statSync(join(root, first, zip ?? kind)).size).toBeLessThan(kind === "macos" ? 95e6 : 50e6);
    }
  });

  test("has every runtime that the universal plugin would fetch, whole", () => {
    const pinned = readFileSync(join(root, "calibre_plugin/link/pinned.py"), "utf8");
    const archives = [...pinned.matchAll(/"(deno-[\w.-]+\.tgz)",\s+(\d+),\s+"sha512-([^"]+)"/g)];
    expect(archives.length).toBeGreaterThan(4);
    for (const [, file = "", size = "", sum = ""] of archives) {
      const bytes = readFileSync(join(root, first, file));
      expect([file, bytes.length]).toEqual([file, Number(size)]);
      expect(createHash("sha512").update(bytes).digest("base64")).toBe(sum);
    }
  });

  test("as an archive it needs nothing that the machine has not, and runs", () => {
    const archive = readdirSync(join(root, first)).find((name) => name.endsWith("-linux-x64.tar.gz")) ?? "";
    run("tar", ["xzf", join(root, first, archive), "-C", folder]);
    const command = join(folder, archive.replace(/\.tar\.gz$/, ""), "bin", "koreader-progress");
    expect(existsSync(command)).toBe(true);
    const env = { PATH: "/usr/bin:/bin", HOME: folder };
    const said = spawnSync(command, ["digest", join(root, "LICENSE")], { env, encoding: "utf8" });
    expect(said.stderr).toBe("");
    expect(said.stdout).toMatch(/^[0-9a-f]{32} {2}[0-9a-f]{32} /);
  });
});
