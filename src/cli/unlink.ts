/** `koreader-progress unlink`: a digest is never taken for this book's again. */
import process from "node:process";
import type { ColumnUpdate } from "../model/plan.ts";
import { decideAboutDigest } from "./link-digest.ts";

export const summary =
  "unlink --library DIR --id N [--restore] DIGEST    a digest is never taken for this book's again";

export const help = `
  --restore    puts back what the digest has written, where the cells still hold it
  --wait       wait for another calibre program to end
`;

/** 0 when it is remembered, 2 when nothing could be done. Prints the cells that were put back, or can be. */
export function run(args: string[]): Promise<number> {
  return decideAboutDigest("unlink", args, async (calibre, { book_id, digest, restore }) => {
    const { restored, restorable } = await calibre.unlink(book_id, digest, restore);
    for (const update of restore ? restored : restorable) process.stdout.write(`${lineOf(update)}\n`);
    if (!restore && restorable.length > 0) {
      process.stderr.write(
        "These cells still hold what the digest wrote; --restore puts back what stood there before.\n",
      );
    }
  });
}

function lineOf({ book_id, column, before, after }: ColumnUpdate): string {
  return [book_id, column, before ?? "", after ?? ""].join("\t");
}
