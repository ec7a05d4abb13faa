/** `koreader-progress move`: what is remembered for one account is put on another one's server, without calibre's window. */
import process from "node:process";
import { parseArgs } from "node:util";
import type { CalibreLibrary } from "../app/ports.ts";
import type { CarryOverResult } from "../model/carry-over.ts";
import type { LibraryMoveReport } from "../model/library.ts";
import { DEFAULT_RULES, type Profile } from "../model/profile.ts";
import { ACCOUNT_HELP, ACCOUNT_OPTIONS, accountOf, loggedIn } from "./account-options.ts";
import { openLibrary, withCalibre } from "./calibre.ts";
import { asStopped } from "./push.ts";
import { Refused, idsOf, orSentence } from "./sentences.ts";
import { stoppable } from "./stopping.ts";

export const summary =
  "move --library DIR --from URL --url URL --user NAME --password-stdin [--dry-run]    your reading goes to another server";

export const help = `
  --library DIR            calibre's library; unless it is a dry run, calibre itself must not be running
  --from URL               the server that is left, as it was typed; it need not answer any more
  --from-user NAME         its user; the same as --user where it is not named
${ACCOUNT_HELP}
  --ids 1,2                these books alone
  --dry-run                change nothing, only say what would be done
  --wait                   wait for another calibre program, or another sync, to end
  --explain                the reason of every decision
  --json                   one JSON object instead of lines

The newest place that the library remembers of each book is put on the server, for every copy of the book that left
calibre, where the server knows nothing of it; what stands there stays. From then on the library remembers for the new
account what it remembered for the old one. In calibre's window it can be undone, where the server can forget.

Example:
  koreader-progress move --library "$HOME/Calibre Library" --from https://old.example --url https://new.example --user ann \\
      --password-stdin --dry-run < password.txt
`;

/** 0 when nothing failed, 1 when a place failed or has to wait, 2 when nothing could be done, 130 when stopped. */
export function run(args: string[]): Promise<number> {
  return orSentence(() => move(args));
}

async function move(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      library: { type: "string" },
      from: { type: "string" },
      "from-user": { type: "string" },
      ...ACCOUNT_OPTIONS,
      ids: { type: "string" },
      "dry-run": { type: "boolean", default: false },
      wait: { type: "boolean", default: false },
      explain: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const { library, from } = values;
  if (library === undefined || from === undefined) throw new Refused("move: --library and --from are needed.");
  const ids = values.ids === undefined ? null : idsOf(values.ids, "move");
  const draft = await accountOf(values, "move");
  const source = { url: from, username: values["from-user"] ?? draft.username };
  const dry_run = values["dry-run"];

  async function send(signal: AbortSignal): Promise<number> {
    const known = await loggedIn(draft, signal);
    return withCalibre(signal, async (calibre) => {
      const wanted = { library: library ?? "", dry_run, copy_logs: [], wait: values.wait };
      const book_ids = await openLibrary(calibre, wanted, signal);
      const { account_id } = await calibre.map({
        columns: {},
        url: known.url,
        username: known.username,
        needed: false,
      });
      const account = { ...known, id: account_id };
      const report = await calibre
        .move({ account, profile: PROFILE, source, book_ids: ids ?? book_ids, dry_run })
        .catch(asStopped);
      if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
      else await printLines(report, calibre, values.explain);
      return report.results.some(({ outcome }) => outcome === "failed") ? 1 : 0;
    });
  }
  return stoppable((signal) => orSentence(() => send(signal)));
}

/** A move fills no column and decides no conflict. */
const PROFILE: Profile = {
  id: "command-line",
  matching: "both",
  columns: [],
  rules: DEFAULT_RULES,
  ran_before: true,
  time_zone: null,
};

const WORDS: Readonly<Record<CarryOverResult["outcome"], string>> = {
  due: "would be moved",
  carried: "moved",
  not_needed: "left alone",
  failed: "not moved",
};

/** One line for each place that is moved, and with `explain` for every other; then how many there were of each. */
async function printLines(
  { remembered, results }: LibraryMoveReport,
  calibre: CalibreLibrary,
  explain: boolean,
): Promise<void> {
  const sentences = explain ? await calibre.explain(results.map(({ why }) => why)) : [];
  for (const [index, { carry_over, outcome }] of results.entries()) {
    const { book_id, document, progress } = carry_over;
    if (!explain && outcome === "not_needed") continue;
    const text = `${book_id}\t${document}\t${(progress.percentage * 100).toFixed(2)} %\t${WORDS[outcome]}`;
    process.stdout.write(explain ? `${text}\t${sentences[index] ?? ""}\n` : `${text}\n`);
  }
  const counts = Map.groupBy(results, ({ outcome }) => outcome);
  const told = [...counts].map(([outcome, some]) => `${some.length} ${WORDS[outcome]}`);
  const books = new Set(results.map(({ carry_over }) => carry_over.book_id)).size;
  const places = told.length === 0 ? "no place to move" : told.join(", ");
  process.stderr.write(`${books} of ${remembered} remembered books with a place: ${places}.\n`);
}
