import { describeInGui } from "./run-in-gui.ts";

describeInGui("leaving.py");
