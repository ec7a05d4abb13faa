import { describeInGui } from "./run-in-gui.ts";

describeInGui("troubles.py");
