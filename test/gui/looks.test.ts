import { describeInGui } from "./run-in-gui.ts";

describeInGui("looks.py", { env: { QT_SCALE_FACTOR: "2", TEST_PALETTE: "system" } });
