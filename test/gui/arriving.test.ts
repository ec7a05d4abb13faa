import { describeInGui } from "./run-in-gui.ts";

describeInGui("arriving.py");
