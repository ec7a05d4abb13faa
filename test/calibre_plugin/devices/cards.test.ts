import { describePython } from "../run-in-calibre.ts";

describePython("devices/cards.py");
