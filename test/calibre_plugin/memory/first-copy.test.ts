import { describePython } from "../run-in-calibre.ts";

describePython("memory/first_copy.py");
