import { describeInGui } from "./run-in-gui.ts";

describeInGui("pushing.py");
