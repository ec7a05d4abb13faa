import { describePython } from "../run-in-calibre.ts";

describePython("devices/odd_files.py");
