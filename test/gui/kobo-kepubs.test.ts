import { describeInGui } from "./run-in-gui.ts";

describeInGui("kobo_kepubs.py");
