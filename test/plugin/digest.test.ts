import { describePython } from "./run-in-calibre.ts";

describePython("digest.py");
