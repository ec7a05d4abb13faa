/** calibre is killed before and after every single step of a run, an undo, a push and a push's undo. */
import { join } from "node:path";
import process from "node:process";
import { describePython } from "../calibre_plugin/run-in-calibre.ts";

const dist = join(import.meta.dirname, "..", "..", "dist");

for (const file of ["sync/killed.py", "sync/killed_later.py"]) {
  describePython(file, {
    timeout: 3_000_000,
    env: {
      EVERY_STEP: "1",
      TEST_NODE: process.execPath,
      TEST_CLI: join(dist, "cli.mjs"),
      TEST_BRIDGE: join(dist, "bridge", "main.mjs"),
      NO_PROXY: "*",
    },
  });
}
