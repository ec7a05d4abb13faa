import { describeInGui } from "./run-in-gui.ts";

describeInGui("words_from_outside.py");
