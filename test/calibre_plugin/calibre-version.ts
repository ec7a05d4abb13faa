/** Which calibre the tests run with. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";

let known: readonly number[] | undefined;

/** Major and minor, as its own programs tell them. */
function version(): readonly number[] {
  const program = join(process.env["KOREADER_PROGRESS_CALIBRE"] ?? "", "calibre-debug");
  const { stdout, stderr } = spawnSync(program, ["--version"], { encoding: "utf8", timeout: 60_000 });
  const [, major, minor] = /calibre (\d+)\.(\d+)/.exec(stdout) ?? [];
  if (major === undefined || minor === undefined) throw new Error(`calibre does not tell its version: ${stderr}`);
  return [Number(major), Number(minor)];
}

/** Whether it is this version or a newer one. */
export function isAtLeast(major: number, minor: number): boolean {
  const [its = 0, minors = 0] = (known ??= version());
  return its > major || (its === major && minors >= minor);
}
