import { describePython } from "../run-in-calibre.ts";

describePython("settings/settings_and_report.py");
