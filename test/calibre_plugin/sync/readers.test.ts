import { join } from "node:path";
import process from "node:process";
import { describePython } from "../run-in-calibre.ts";

const dist = join(import.meta.dirname, "..", "..", "..", "dist");

describePython("sync/readers.py", {
  env: {
    TEST_NODE: process.execPath,
    TEST_CLI: join(dist, "cli.mjs"),
    TEST_BRIDGE: join(dist, "bridge", "main.mjs"),
    NO_PROXY: "*",
  },
});
