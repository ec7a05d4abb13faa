import { describeInGui } from "./run-in-gui.ts";

describeInGui("leaving.py", { timeout: 300_000 });
