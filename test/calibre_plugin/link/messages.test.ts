import { resolve } from "node:path";
import { describePython } from "../run-in-calibre.ts";

describePython("link/messages.py", { env: { MESSAGES: resolve("test/fixtures/messages/bridge.jsonl") } });
