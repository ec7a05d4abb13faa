import { join } from "node:path";
import process from "node:process";
import { describe } from "vitest";
import { isAtLeast } from "../calibre-version.ts";
import { describePython } from "../run-in-calibre.ts";

const root = join(import.meta.dirname, "..", "..", "..");

describe.runIf(isAtLeast(9, 12))("with calibre's users", () => {
  describePython("content_server/accounts_of_calibre.py", {
    bridge: join(root, "dist", "bridge"),
    env: { PATH: `${join(process.execPath, "..")}:${process.env["PATH"] ?? ""}` },
  });
});
