import { describeInGui } from "./run-in-gui.ts";

describeInGui("german.py", { env: { CALIBRE_OVERRIDE_LANG: "de" } });
