import { describeInGui } from "./run-in-gui.ts";

describeInGui("pulled_device.py", { books: 1, timeout: 400_000 });
