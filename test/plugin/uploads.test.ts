import { describePython } from "./run-in-calibre.ts";

describePython("uploads.py");
