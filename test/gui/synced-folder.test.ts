import { describeInGui } from "./run-in-gui.ts";

describeInGui("synced_folder.py");
