import { describePython } from "./run-in-calibre.ts";

describePython("positions.py");
