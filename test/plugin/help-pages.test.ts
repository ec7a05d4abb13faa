import { describePython } from "./run-in-calibre.ts";

describePython("help_pages.py");
