import { describePython } from "../run-in-calibre.ts";

describePython("sync/unmatched.py");
