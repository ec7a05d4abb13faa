import { describeInGui } from "./run-in-gui.ts";

describeInGui("review_by_keyboard.py");
