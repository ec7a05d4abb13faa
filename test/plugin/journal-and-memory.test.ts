import { describePython } from "./run-in-calibre.ts";

describePython("journal_and_memory.py");
