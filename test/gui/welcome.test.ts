import { describeInGui } from "./run-in-gui.ts";

describeInGui("welcome.py", { library: "bare" });
