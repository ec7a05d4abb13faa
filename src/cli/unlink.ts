/** `koreader-progress unlink`: a digest is never taken for this book's again. */
import process from "node:process";
import type { ColumnUpdate } from "../model/plan.ts";
import { decideAboutDigest } from "./link-digest.ts";

export const summary =
  "unlink --library DIR --id N [--restore] DIGEST    a digest is never taken for this book's again";

export const help = `
  --library DIR            calibre's library; calibre itself must not be running
  --id N                   calibre's number of the book
  --restore                puts back what the digest has written, where the values are still as it wrote them
  --wait                   wait for another calibre program to end

Example:
  koreader-progress unlink --library "$HOME/Calibre Library" --id 42 --restore 0123456789abcdef0123456789abcdef
`;

/** 0 when it is remembered, 2 when nothing could be done. Prints the cells that were put back, or can be. */
export function run(args: string[]): Promise<number> {
  return decideAboutDigest("unlink", args, async (calibre, { book_id, digest, restore }) => {
    const { restored, restorable } = await calibre.unlink(book_id, digest, restore);
    for (const update of restore ? restored : restorable) process.stdout.write(`${lineOf(update)}\n`);
    if (!restore && restorable.length > 0) {
      process.stderr.write(
        "These values are still as the digest wrote them; --restore puts back what stood there before.\n",
      );
    }
  });
}

function lineOf({ book_id, column, before, after }: ColumnUpdate): string {
  return [book_id, column, before ?? "", after ?? ""].join("\t");
}
