/** `koreader-progress copies`: every digest under which a book may be known. */
import process from "node:process";
import { parseArgs } from "node:util";
import type { KnownDigest } from "../model/digest.ts";
import { inCalibre, openLibrary } from "./calibre.ts";
import { bookIdOf } from "./book-id.ts";
import { Refused, orSentence } from "./sentences.ts";

export const summary =
  "copies --library DIR --id N [--copy-logs DIR] [--json]    every digest a book is known by, or would have";

export const help = `
  --library DIR            calibre's library; it is left exactly as it is, and may be open in calibre
  --id N                   calibre's number of the book
  --copy-logs DIR          a folder of copy logs of another calibre, again for another one
  --json                   one JSON object instead of lines

A line for each: the digest, its kind (partial_md5 or filename), where it is known from, when it was seen last, whether
the server answered to it, the format, and the file's name.

Example:
  koreader-progress copies --library "$HOME/Calibre Library" --id 42
`;

/** Prints the digests of one book; 2 when nothing could be done. The library is left exactly as it is. */
export function run(args: string[]): Promise<number> {
  return orSentence(async () => {
    const { values } = parseArgs({
      args,
      options: {
        library: { type: "string" },
        id: { type: "string" },
        "copy-logs": { type: "string", multiple: true, default: [] },
        json: { type: "boolean", default: false },
      },
    });
    const { library, json } = values;
    if (library === undefined) throw new Refused("copies: --library is needed.");
    const book_id = bookIdOf(values.id, "copies");
    return inCalibre(async (calibre, signal) => {
      await openLibrary(calibre, { library, dry_run: true, copy_logs: values["copy-logs"] }, signal);
      const copies = await calibre.copies(book_id);
      if (json) process.stdout.write(`${JSON.stringify({ book_id, ...copies })}\n`);
      else for (const digest of copies.digests) process.stdout.write(`${lineOf(digest)}\n`);
      return 0;
    });
  });
}

function lineOf({ digest, kind, source, format, name, last_seen, answered }: KnownDigest): string {
  const seen = last_seen > 0 ? new Date(last_seen * 1000).toISOString().slice(0, 16).replace("T", " ") : "-";
  const words = [digest, kind, source, seen, answered === null ? "-" : "on the server", format ?? "-", name ?? ""];
  return words.join("\t").trimEnd();
}
