import { describeInGui } from "./run-in-gui.ts";

describeInGui("preferences.py", { library: "bare" });
