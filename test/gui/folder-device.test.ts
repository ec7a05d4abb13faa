import { describeInGui } from "./run-in-gui.ts";

describeInGui("folder_device.py", { books: 1, timeout: 400_000 });
