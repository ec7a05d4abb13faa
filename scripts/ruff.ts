/** Lints and formats the Python files with ruff's own engine: `--fix` writes the format, otherwise it only complains. */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { PositionEncoding, Workspace } from "@astral-sh/ruff-wasm-nodejs";

const settings = {
  "line-length": 120,
  "target-version": "py310",
  builtins: ["_", "ngettext", "get_icons", "get_resources", "load_translations"],
  lint: {
    select: ["E", "F", "W", "B", "UP", "ANN", "C4", "SIM", "RET", "RUF"],
    // ANN401: calibre is largely untyped. E402: load_translations() stands before imports that need it. E501: the formatter's job.
    ignore: ["ANN401", "E402", "E501", "RUF001", "RUF002", "RUF003", "RUF012", "SIM105", "SIM108", "UP031"],
  },
  format: {},
};
const fix = process.argv.includes("--fix");
const workspace = new Workspace(settings, PositionEncoding.Utf16);
let findings = 0;
for (const file of globSync("{bench,calibre_plugin,test,scripts}/**/*.py")) {
  const text = readFileSync(file, "utf8");
  const formatted = workspace.format(text);
  if (formatted !== text) {
    if (fix) writeFileSync(file, formatted);
    else {
      findings += 1;
      process.stdout.write(`${file}: not formatted (npm run format)\n`);
    }
  }
  for (const { code, message, start_location: at } of workspace.check(formatted)) {
    findings += 1;
    process.stdout.write(`${file}:${at.row}:${at.column}: ${code ?? "syntax"} ${message}\n`);
  }
}
process.exitCode = findings === 0 ? 0 : 1;
