/** What `link` and `unlink` have in common: a library, a book, a digest. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { CalibreLibrary } from "../app/ports.ts";
import { Digest } from "../model/digest.ts";
import { bookIdOf } from "./book-id.ts";
import { startCalibre } from "./calibre.ts";
import { Refused, orSentence } from "./sentences.ts";

/** Parses the arguments and decides about one digest; 0 when it is done, 2 when nothing could be done. */
export function decideAboutDigest(
  command: string,
  args: string[],
  decide: (calibre: CalibreLibrary, book_id: number, digest: Digest) => Promise<void>,
): Promise<number> {
  return orSentence(async () => {
    const options = { library: { type: "string" }, id: { type: "string" } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const { library, id } = values;
    if (library === undefined) throw new Refused(`${command}: --library is needed.`);
    const book_id = bookIdOf(id, command);
    const digest = Digest.safeParse(positionals[0]?.trim().toLowerCase());
    if (!digest.success || positionals.length !== 1) {
      throw new Refused(`${command}: name one digest, 32 hexadecimal digits as KOReader and the server know it.`);
    }
    const calibre = await startCalibre();
    try {
      await calibre.open({ library: resolve(library), dry_run: false, copy_logs: [] });
      await decide(calibre, book_id, digest.data);
    } finally {
      await calibre.close();
    }
    return 0;
  });
}
