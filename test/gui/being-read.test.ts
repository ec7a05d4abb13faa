import { describeInGui } from "./run-in-gui.ts";

describeInGui("being_read.py");
