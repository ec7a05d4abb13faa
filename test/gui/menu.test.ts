import { describeInGui } from "./run-in-gui.ts";

describeInGui("menu_entries.py");
