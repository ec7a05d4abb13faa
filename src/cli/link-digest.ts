/** What `link` and `unlink` have in common: a library, a book, a digest. */
import { parseArgs } from "node:util";
import type { CalibreLibrary } from "../app/ports.ts";
import { Digest } from "../model/digest.ts";
import { bookIdOf } from "./book-id.ts";
import { inCalibre, openLibrary } from "./calibre.ts";
import { Refused, orSentence } from "./sentences.ts";

/** What the command line says about one digest of one book. */
export interface Decision {
  readonly book_id: number;
  readonly digest: Digest;
  readonly restore: boolean;
}

/** Parses the arguments and decides about one digest; 0 when it is done, 2 when nothing could be done. */
export function decideAboutDigest(
  command: "link" | "unlink",
  args: string[],
  decide: (calibre: CalibreLibrary, decision: Decision) => Promise<void>,
): Promise<number> {
  return orSentence(async () => {
    const { values, positionals } = parseArgs({
      args,
      options: {
        library: { type: "string" },
        id: { type: "string" },
        wait: { type: "boolean", default: false },
        ...(command === "unlink" ? { restore: { type: "boolean" } } : {}),
      } as const,
      allowPositionals: true,
    });
    const { library, id, wait } = values;
    const restore = "restore" in values && values.restore === true;
    if (library === undefined) throw new Refused(`${command}: --library is needed.`);
    const book_id = bookIdOf(id, command);
    const digest = Digest.safeParse(positionals[0]?.trim().toLowerCase());
    if (!digest.success || positionals.length !== 1) {
      throw new Refused(`${command}: name one digest, 32 hexadecimal digits as KOReader and the server know it.`);
    }
    return inCalibre(async (calibre, signal) => {
      await openLibrary(calibre, { library, dry_run: false, wait }, signal);
      await decide(calibre, { book_id, digest: digest.data, restore });
      return 0;
    });
  });
}
