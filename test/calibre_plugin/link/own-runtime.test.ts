import { describePython } from "../run-in-calibre.ts";

describePython("link/own_runtime.py");
