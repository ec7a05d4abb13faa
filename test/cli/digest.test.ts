import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { md5OfText } from "../../src/core/md5.ts";
import { patternFile } from "../support/digest-vectors.ts";

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const good = join(folder, "good.epub");
writeFileSync(good, patternFile(500));
const missing = join(folder, "missing.epub");
const GOOD_DIGEST = "21f0df72cce9bc7da8dae2512ee5feed";

const command = new URL("../../src/cli/digest.ts", import.meta.url).href;

/** Runs the command in a process of its own, as the dispatcher would. */
function digest(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const script = `import { run } from ${JSON.stringify(command)};
    process.exitCode = await run(${JSON.stringify(args)});`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module-typescript", "--eval", script], {
    encoding: "utf8",
    timeout: 30_000,
  });
  return { code: status, stdout, stderr };
}

describe("koreader-progress digest", () => {
  test("--json prints an array with both digests of each file, and ends with 0", () => {
    const { code, stdout } = digest("--json", good);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual([
      { path: good, size: 500, partial_md5: GOOD_DIGEST, filename: md5OfText("good.epub") },
    ]);
  });

  test("an unreadable file is an entry with its error, and the command ends with 1", () => {
    const { code, stdout } = digest(missing, good, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual([
      { path: missing, error: "ENOENT" },
      { path: good, size: 500, partial_md5: GOOD_DIGEST, filename: md5OfText("good.epub") },
    ]);
  });

  test("without --json each readable file is a line, and trouble goes to stderr", () => {
    const { code, stdout, stderr } = digest(good, missing);
    expect(code).toBe(1);
    expect(stdout).toBe(`${GOOD_DIGEST}  ${md5OfText("good.epub")}  ${good}\n`);
    expect(stderr).toBe(`${missing} does not exist.\n`);
  });

  test("without files it says what it needs, and ends with 2", () => {
    expect(digest()).toEqual({ code: 2, stdout: "", stderr: "digest: name at least one file.\n" });
  });
});
