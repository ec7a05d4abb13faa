/** Runs every static check in turn and ends with 1 if any of them found something. */
import { spawnSync } from "node:child_process";

const checks: ReadonlyArray<readonly [name: string, command: string]> = [
  ["types and lint", "oxlint --type-aware --type-check --deny-warnings"],
  ["format", "oxfmt --check ."],
  ["dead code", "knip --no-progress"],
  ["architecture", "vitest run --reporter=dot test/architecture.test.ts"],
  ["contract drift", "node scripts/contract-to-python.ts --check"],
  ["Python lint and format", "node scripts/ruff.ts"],
  ["Python types", "pyright --project pyrightconfig.json"],
];

const failed: string[] = [];
for (const [name, command] of checks) {
  const started = performance.now();
  const run = spawnSync(command, { shell: true, encoding: "utf8", env: { ...process.env, FORCE_COLOR: "0" } });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${run.status === 0 ? "ok  " : "FAIL"} ${name} (${seconds} s)\n`);
  if (run.status !== 0) {
    failed.push(name);
    process.stdout.write(`${run.stdout}${run.stderr}\n`);
  }
}
process.exitCode = failed.length === 0 ? 0 : 1;
