import { describePython } from "../run-in-calibre.ts";

describePython("link/contract.py");
