import { join } from "node:path";
import process from "node:process";
import reasons from "../../fixtures/reasons-of-calibre.json" with { type: "json" };
import { describePython } from "../run-in-calibre.ts";

const dist = join(import.meta.dirname, "..", "..", "..", "dist");

describePython("sync/reasons.py", {
  env: {
    TEST_NODE: process.execPath,
    TEST_CLI: join(dist, "cli.mjs"),
    TEST_BRIDGE: join(dist, "bridge", "main.mjs"),
    TEST_REASONS: JSON.stringify(reasons),
    NO_PROXY: "*",
  },
});
