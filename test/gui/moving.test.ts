import { describeInGui } from "./run-in-gui.ts";

describeInGui("moving.py");
