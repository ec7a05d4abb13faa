/** The texts that a release is told with: `node scripts/forum-text.ts X.Y.Z [THREAD]`; with the thread's address its line in the index too. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { indexEntry, threadText } from "./forum.ts";
import { notesOf } from "./release-files.ts";

const root = join(import.meta.dirname, "..");
const [version = "", thread] = process.argv.slice(2);
const notes = notesOf(readFileSync(join(root, "CHANGELOG.md"), "utf8"), version);
if (notes === null) {
  process.stderr.write(`CHANGELOG.md does not know ${version}.\n`);
  process.exitCode = 1;
} else {
  process.stdout.write(threadText(readFileSync(join(root, "README.md"), "utf8"), notes, version));
  if (thread !== undefined) process.stdout.write(`\n${indexEntry(thread)}`);
}
