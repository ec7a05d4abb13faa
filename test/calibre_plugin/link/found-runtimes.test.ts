import { describePython } from "../run-in-calibre.ts";

describePython("link/found_runtimes.py");
