import { describePython } from "./run-in-calibre.ts";

describePython("predicting.py");
