import { describePython } from "./run-in-calibre.ts";

describePython("unmatched.py");
