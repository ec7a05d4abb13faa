import { join } from "node:path";
import { describePython } from "../run-in-calibre.ts";

describePython("moving/removing.py", {
  env: { TEST_RELEASE: join(import.meta.dirname, "..", "..", "fixtures", "release-0.1.0") },
});
