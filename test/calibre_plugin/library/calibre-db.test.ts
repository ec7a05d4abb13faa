import { describePython } from "../run-in-calibre.ts";

describePython("library/calibre_db.py");
