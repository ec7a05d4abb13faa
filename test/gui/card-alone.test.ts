import { describeInGui } from "./run-in-gui.ts";

describeInGui("card_alone.py", { books: 4 });
