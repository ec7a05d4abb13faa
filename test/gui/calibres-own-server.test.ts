import { describe } from "vitest";
import { isAtLeast } from "../calibre_plugin/calibre-version.ts";
import { describeInGui } from "./run-in-gui.ts";

// An older calibre lets no plugin answer in its content server.
describe.runIf(isAtLeast(9, 12))("in calibre 9.12 or newer", () => {
  describeInGui("calibres_own_server.py");
});
