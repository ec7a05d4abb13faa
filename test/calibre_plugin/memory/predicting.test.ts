import { describePython } from "../run-in-calibre.ts";

describePython("memory/predicting.py");
