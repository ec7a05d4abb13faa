import { describePython } from "../run-in-calibre.ts";

describePython("window/help_pages.py");
