import { describePython } from "../run-in-calibre.ts";

describePython("memory/one_a_day.py");
