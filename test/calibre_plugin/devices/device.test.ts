import { describePython } from "../run-in-calibre.ts";

describePython("devices/device.py");
