import { resolve } from "node:path";
import { describePython } from "../run-in-calibre.ts";

describePython("copies/digest.py", {
  env: { FILENAME_DIGESTS: resolve("test/fixtures/filename-digest-vectors.json") },
});
