import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";

/** What a program says on stderr that warns as Node 22 does when it loads SQLite, and of something else. */
function saidBy(beginning: string): string {
  const program = [
    beginning,
    'process.emitWarning("SQLite is an experimental feature and might change at any time", "ExperimentalWarning");',
    'process.emitWarning(new Error("something else"));',
  ].join("\n");
  return spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" }).stderr;
}

test("Node 22's word about SQLite is kept back, and no other", () => {
  const quieted = saidBy(
    `import { quietSqlite } from ${JSON.stringify(resolve("src/runtime/quiet-sqlite.ts"))}; quietSqlite();`,
  );
  expect(quieted).not.toContain("SQLite");
  expect(quieted).toContain("something else");
  expect(saidBy("")).toContain("SQLite is an experimental feature");
});
