import { describePython } from "../run-in-calibre.ts";

describePython("copies/copies.py");
