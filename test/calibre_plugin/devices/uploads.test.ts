import { describePython } from "../run-in-calibre.ts";

describePython("devices/uploads.py");
