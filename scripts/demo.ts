/** `npm start`: the main job, for everybody to see. Without arguments on a throw-away library, otherwise on the reader's own. */
import process from "node:process";
import { spawnSync } from "node:child_process";
import { apart } from "./apart.ts";
import { showOnOwnLibrary } from "./demo-own-library.ts";
import { showOnThrowAwayLibrary } from "./demo-throw-away.ts";

/** Set in the child, so that it does not start another. */
const APART = "KOREADER_PROGRESS_APART";

const args = process.argv.slice(2);
const before = args.length > 0 || process.env[APART] !== undefined ? null : apart();

if (args.length > 0) process.exitCode = await showOnOwnLibrary(args);
else if (before === null) process.exitCode = await showOnThrowAwayLibrary();
else {
  const [command = "", ...inside] = [...before, process.execPath, ...process.argv.slice(1)];
  const run = spawnSync(command, inside, { stdio: "inherit", env: { ...process.env, [APART]: "1" } });
  process.exitCode = run.status ?? 1;
}
