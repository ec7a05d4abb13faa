/**
 * Gathers the plugin's sentences into translations/messages.pot and brings every .po up to date with it: gettext's own
 * tools. With `--to FILE` they are gathered there, and nothing else is done.
 */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";

const { to } = parseArgs({ args: process.argv.slice(2), options: { to: { type: "string" } } }).values;
const template = to ?? "calibre_plugin/translations/messages.pot";

function run(program: string, args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
}

run("xgettext", [
  "--language=Python",
  "--from-code=UTF-8",
  "--keyword=_",
  "--keyword=ngettext:1,2",
  "--add-comments=TRANSLATORS:",
  "--no-location",
  "--sort-by-file",
  "--package-name=KOReader Progress",
  `--output=${template}`,
  ...globSync("calibre_plugin/**/*.py").sort(),
]);
// The day it was made would make every run a change.
const dateless = readFileSync(template, "utf8").replace(/"POT-Creation-Date:.*\n/, "");
writeFileSync(template, dateless.replace("charset=CHARSET", "charset=UTF-8"));
for (const po of to === undefined ? globSync("calibre_plugin/translations/*.po") : []) {
  run("msgmerge", ["--quiet", "--update", "--backup=none", "--no-fuzzy-matching", po, template]);
}
