import { describeInGui } from "./run-in-gui.ts";

describeInGui("hosting.py");
