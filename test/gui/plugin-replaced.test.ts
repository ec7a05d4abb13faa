import { describeInGui } from "./run-in-gui.ts";

describeInGui("plugin_replaced.py");
