import { describeInGui } from "./run-in-gui.ts";

describeInGui("by_hand.py");
