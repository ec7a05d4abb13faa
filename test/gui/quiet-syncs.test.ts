import { describeInGui } from "./run-in-gui.ts";

describeInGui("quiet_syncs.py");
