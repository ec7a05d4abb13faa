/** What the changelog says of one version: `node scripts/release-notes.ts X.Y.Z`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { notesOf } from "./release-files.ts";

const [version = ""] = process.argv.slice(2);
const notes = notesOf(readFileSync(join(import.meta.dirname, "..", "CHANGELOG.md"), "utf8"), version);
if (notes === null) {
  process.stderr.write(`CHANGELOG.md does not know ${version}.\n`);
  process.exitCode = 1;
} else console.log(notes);
