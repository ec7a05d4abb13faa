import { describeInGui } from "./run-in-gui.ts";

describeInGui("failing_jobs.py");
