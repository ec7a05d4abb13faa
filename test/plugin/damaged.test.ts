import { describePython } from "./run-in-calibre.ts";

describePython("damaged.py");
