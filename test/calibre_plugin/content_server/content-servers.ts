/** Tests of calibre's own content server: from 9.12 on a plugin may answer there, an older calibre has nothing to test. */
import { join } from "node:path";
import process from "node:process";
import { describe } from "vitest";
import { isAtLeast } from "../calibre-version.ts";
import { describePython } from "../run-in-calibre.ts";

const root = join(import.meta.dirname, "..", "..", "..");

/** Declares the tests of a Python file in this folder; where calibre is too old they are skipped, and say why. */
export function describeContentServer(file: string): void {
  describe.runIf(isAtLeast(9, 12))("in calibre 9.12 or newer", () => {
    describePython(`content_server/${file}`, {
      bridge: join(root, "dist", "bridge"),
      // A runtime that the plugin finds by itself.
      env: { PATH: `${join(process.execPath, "..")}:${process.env["PATH"] ?? ""}` },
    });
  });
}
