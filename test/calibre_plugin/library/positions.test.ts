import { describePython } from "../run-in-calibre.ts";

describePython("library/positions.py");
