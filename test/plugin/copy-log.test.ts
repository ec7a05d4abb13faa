import { describePython } from "./run-in-calibre.ts";

describePython("copy_log.py");
