import { join } from "node:path";
import process from "node:process";
import { describePython } from "../run-in-calibre.ts";

const bridge = join(import.meta.dirname, "..", "..", "..", "dist", "bridge", "main.mjs");

describePython("devices/annotations.py", { env: { TEST_NODE: process.execPath, TEST_BRIDGE: bridge } });
