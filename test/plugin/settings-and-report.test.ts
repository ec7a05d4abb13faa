import { describePython } from "./run-in-calibre.ts";

describePython("settings_and_report.py");
