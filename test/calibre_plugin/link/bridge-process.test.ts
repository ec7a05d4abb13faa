import { describePython } from "../run-in-calibre.ts";

describePython("link/bridge_process.py");
