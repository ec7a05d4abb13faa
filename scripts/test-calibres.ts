/**
 * Runs what knows calibre (plugin, window, command line) with this machine's calibre and with Debian's newer ones, and
 * keeps the figures of whole folders in docs/compatibility.md. Suites and tests may be named: `sid test/cli`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import * as z from "zod";
import { SUITES, chrootOf } from "./chroots.ts";

const HERE = "here";
const FOLDERS = ["test/calibre_plugin", "test/gui", "test/cli"];
const PAGE = join(import.meta.dirname, "..", "docs", "compatibility.md");
const Report = z.object({ numPassedTests: z.number(), numFailedTests: z.number() });

/** calibre's own numbers, as a line of the table has them. */
const VERSIONS = `
import platform
from calibre.constants import numeric_version
from qt.core import QT_VERSION_STR
from PyQt6.QtCore import PYQT_VERSION_STR
print(".".join(map(str, numeric_version)), platform.python_version(), QT_VERSION_STR, PYQT_VERSION_STR, sep=" | ")
`;

function programsOf(name: string): string | undefined {
  if (name === HERE) return process.env["KOREADER_PROGRESS_CALIBRE"] ?? "";
  const made = chrootOf(name);
  if (!("missing" in made)) return made.programs;
  process.stderr.write(`${name}: not tried, ${made.missing}\n`);
  return undefined;
}

function versionsOf(programs: string): string {
  const config = mkdtempSync(join(tmpdir(), "koreader-progress-versions-"));
  const { stdout, stderr } = spawnSync(join(programs, "calibre-debug"), ["-c", VERSIONS], {
    encoding: "utf8",
    env: { ...process.env, CALIBRE_CONFIG_DIRECTORY: config },
  });
  rmSync(config, { recursive: true, force: true });
  const found = /^\d+\.\d+\.\d+ \| .+$/m.exec(stdout)?.[0];
  if (found === undefined) throw new Error(`calibre does not tell its version: ${stderr}`);
  return found;
}

/** Runs a folder's tests with the calibre in `programs`; the figures. */
function run(programs: string, folder: string): z.infer<typeof Report> {
  const results = mkdtempSync(join(tmpdir(), "koreader-progress-results-"));
  const file = join(results, "report.json");
  const env = programs === "" ? process.env : { ...process.env, KOREADER_PROGRESS_CALIBRE: programs };
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  spawnSync("vitest", ["run", folder, ...reporters], { env, stdio: "inherit" });
  const report = Report.parse(JSON.parse(readFileSync(file, "utf8")));
  rmSync(results, { recursive: true });
  return report;
}

/** Puts a line into the page's table, in the place of an older one of the same calibre and folder. */
function keep(versions: string, folder: string, { numPassedTests, numFailedTests }: z.infer<typeof Report>): void {
  const day = new Date().toISOString().slice(0, 10);
  const row = `| ${versions} | \`${folder}\` | ${numPassedTests} | ${numFailedTests} | ${day} |`;
  const lines = readFileSync(PAGE, "utf8").split("\n");
  const calibre = versions.split(" | ")[0] ?? "";
  const old = lines.findIndex((line) => line.startsWith(`| ${calibre} |`) && line.includes(`| \`${folder}\` |`));
  if (old >= 0) lines[old] = row;
  else lines.splice(lines.findLastIndex((line) => line.startsWith("|")) + 1, 0, row);
  writeFileSync(PAGE, lines.join("\n"));
}

const wanted = process.argv.slice(2);
const names = wanted.filter((each) => each === HERE || SUITES.includes(each));
const folders = wanted.filter((each) => !names.includes(each));
let failed = 0;
for (const name of names.length > 0 ? names : [HERE, ...SUITES]) {
  const programs = programsOf(name);
  if (programs === undefined) continue;
  const versions = versionsOf(programs);
  for (const folder of folders.length > 0 ? folders : FOLDERS) {
    process.stdout.write(`\n${folder} with calibre ${versions}\n`);
    const report = run(programs, folder);
    failed += report.numFailedTests;
    if (FOLDERS.includes(folder)) keep(versions, folder, report);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
