import { describeInGui } from "./run-in-gui.ts";

describeInGui("wireless.py", { books: 3 });
