import { describePython } from "./run-in-calibre.ts";

describePython("device.py");
