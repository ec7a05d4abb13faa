import { describeInGui } from "./run-in-gui.ts";

describeInGui("runs_by_themselves.py");
