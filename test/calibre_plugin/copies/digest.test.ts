import { describePython } from "../run-in-calibre.ts";

describePython("copies/digest.py");
