/** `koreader-progress log`: the reading log of a library, for other programs. */
import process from "node:process";
import { parseArgs } from "node:util";
import { exportLog } from "../app/reading-log.ts";
import { DEFAULT_RULES } from "../model/profile.ts";
import { inCalibre, openLibrary } from "./calibre.ts";
import { Refused, idsOf, orSentence } from "./sentences.ts";

export const summary = "log --library DIR [--ids 1,2] [--format csv|json]    what was read when, and on which device";

export const help = `
  --library DIR            calibre's library; it is left exactly as it is, and may be open in calibre
  --ids 1,2                these books alone
  --format WHICH           csv (default) or json

Example:
  koreader-progress log --library "$HOME/Calibre Library" --format csv
`;

/** Prints the logs of the books that have one; 2 when nothing could be done. The library is left exactly as it is. */
export function run(args: string[]): Promise<number> {
  return orSentence(async () => {
    const { values } = parseArgs({
      args,
      options: {
        library: { type: "string" },
        ids: { type: "string" },
        format: { type: "string", default: "csv" },
      },
    });
    const { library, format } = values;
    if (library === undefined) throw new Refused("log: --library is needed.");
    if (format !== "csv" && format !== "json") throw new Refused("log: --format is csv or json.");
    const ids = values.ids === undefined ? null : idsOf(values.ids, "log");
    return inCalibre(async (calibre, signal) => {
      const book_ids = await openLibrary(calibre, { library, dry_run: true }, signal);
      const books = await calibre.log(ids ?? book_ids);
      process.stdout.write(exportLog(books, format, { rules: DEFAULT_RULES, time_zone: null }));
      return 0;
    });
  });
}
