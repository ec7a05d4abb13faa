import { describeInGui } from "./run-in-gui.ts";

describeInGui("full_disk.py");
