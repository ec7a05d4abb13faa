import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { describePython } from "../run-in-calibre.ts";

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-routes-"));
const report = join(folder, "seen.txt");

describePython("copies/routes.py", { env: { SEEN_REPORT: report } });

afterAll(() => {
  // The table in docs/copies.md says what is seen here.
  if (existsSync(report)) process.stdout.write(readFileSync(report, "utf8"));
  rmSync(folder, { recursive: true, force: true });
});
