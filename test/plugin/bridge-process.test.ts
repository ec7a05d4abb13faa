import { describePython } from "./run-in-calibre.ts";

describePython("bridge_process.py");
