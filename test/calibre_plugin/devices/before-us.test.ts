import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { describePython } from "../run-in-calibre.ts";

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-found-"));
const report = join(folder, "found.txt");

describePython("devices/before_us.py", { env: { FOUND_REPORT: report } });

afterAll(() => {
  // How many are found is worth seeing, not only that it is enough.
  if (existsSync(report)) process.stdout.write(readFileSync(report, "utf8"));
  rmSync(folder, { recursive: true, force: true });
});
