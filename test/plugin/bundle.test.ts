import { describePython } from "./run-in-calibre.ts";

describePython("bundle.py");
