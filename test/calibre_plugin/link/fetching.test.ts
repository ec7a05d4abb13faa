import { describePython } from "../run-in-calibre.ts";

describePython("link/fetching.py");
