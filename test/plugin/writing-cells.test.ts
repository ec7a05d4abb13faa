import { describePython } from "./run-in-calibre.ts";

describePython("writing_cells.py");
