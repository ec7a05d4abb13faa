import { describePython } from "../run-in-calibre.ts";

describePython("devices/pulled_device.py");
