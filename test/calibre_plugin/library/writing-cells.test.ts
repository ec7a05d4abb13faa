import { describePython } from "../run-in-calibre.ts";

describePython("library/writing_cells.py");
