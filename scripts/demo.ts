/** `npm start`: the main job, for everybody to see. Without arguments on a throw-away library, otherwise on the reader's own. */
import { existsSync } from "node:fs";
import process from "node:process";
import { spawnSync } from "node:child_process";
import { showOnOwnLibrary } from "./demo-own-library.ts";
import { showOnThrowAwayLibrary } from "./demo-throw-away.ts";

/** Set in the child, so that it does not start another. */
const APART = "KOREADER_PROGRESS_APART";

/** Whether this process may make a network of its own, where calibre's locks collide with no other calibre's. */
function canLiveApart(): boolean {
  if (process.platform !== "linux" || !existsSync("/usr/bin/unshare")) return false;
  return spawnSync("unshare", ["-rn", "sh", "-c", "ip link set lo up"], { stdio: "ignore" }).status === 0;
}

const args = process.argv.slice(2);
if (args.length > 0) process.exitCode = await showOnOwnLibrary(args);
else if (process.env[APART] === undefined && canLiveApart()) {
  const inside = ["-rn", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", process.execPath, ...process.argv.slice(1)];
  const run = spawnSync("unshare", inside, { stdio: "inherit", env: { ...process.env, [APART]: "1" } });
  process.exitCode = run.status ?? 1;
} else process.exitCode = await showOnThrowAwayLibrary();
