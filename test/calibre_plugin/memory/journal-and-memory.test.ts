import { describePython } from "../run-in-calibre.ts";

describePython("memory/journal_and_memory.py");
