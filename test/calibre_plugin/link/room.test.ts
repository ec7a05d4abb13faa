import { join } from "node:path";
import { describeRoom } from "../run-in-calibre.ts";

describeRoom("link", {
  shared_bridge: { bridge: join(import.meta.dirname, "..", "..", "..", "dist", "bridge") },
});
