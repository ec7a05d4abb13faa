import { describeInGui } from "./run-in-gui.ts";

describeInGui("first_sync.py");
