import { describePython } from "./run-in-calibre.ts";

describePython("odd_files.py");
