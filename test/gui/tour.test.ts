import { describeInGui } from "./run-in-gui.ts";

describeInGui("tour.py");
