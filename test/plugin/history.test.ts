import { describePython } from "./run-in-calibre.ts";

describePython("history.py");
