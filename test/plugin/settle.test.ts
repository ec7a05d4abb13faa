import { describePython } from "./run-in-calibre.ts";

describePython("settle.py");
