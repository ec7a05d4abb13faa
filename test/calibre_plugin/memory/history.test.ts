import { describePython } from "../run-in-calibre.ts";

describePython("memory/history.py");
