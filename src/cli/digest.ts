import { parseArgs } from "node:util";
import { digestBooks } from "../app/digest-books.ts";
import { openBookFiles } from "../compose.ts";
import { reasonSentence } from "./position-sentences.ts";

/** One line for the list of commands. */
export const summary = "digest FILE... [--json]    the names a kosync server may know these files by";

/** What `--help` says beyond that line. */
export const help = `
  --json                   one JSON array instead of lines

A line for each file: its digest, that of its name, and the file: KOReader asks a server by the first when its document
matching method is binary, by the second when it is filename. Exit code 0, 1 when a file could not be read, 2 without any.

Example:
  koreader-progress digest book.epub
`;

/** Prints the digests of files, as a table or as JSON; returns 0, 1 when a file could not be read, 2 without any file. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { json: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  if (positionals.length === 0) {
    process.stderr.write("digest: name at least one file.\n");
    return 2;
  }
  const results = await digestBooks(positionals, await openBookFiles());
  if (values.json) {
    process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  } else {
    for (const result of results) {
      if ("error" in result) process.stderr.write(`${result.path} ${reasonSentence(result.error)}\n`);
      else process.stdout.write(`${result.partial_md5}  ${result.filename}  ${result.path}\n`);
    }
  }
  return results.some((result) => "error" in result) ? 1 : 0;
}
