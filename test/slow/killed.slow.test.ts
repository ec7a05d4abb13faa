/** calibre is killed before and after every single step of a run, an undo, a push and a push's undo. */
import { describePython } from "../calibre_plugin/run-in-calibre.ts";

for (const file of ["sync/killed.py", "sync/killed_later.py"]) {
  describePython(file, { timeout: 3_000_000, env: { EVERY_STEP: "1" } });
}
