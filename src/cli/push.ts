/** `koreader-progress push`: calibre's own places put on the server, without calibre's window. */
import process from "node:process";
import { parseArgs } from "node:util";
import type { CalibreLibrary } from "../app/ports.ts";
import type { LibraryPushReport } from "../model/library.ts";
import type { Account } from "../model/account.ts";
import { SyncError } from "../model/error.ts";
import type { Profile } from "../model/profile.ts";
import type { Why } from "../model/why.ts";
import { DEFAULT_RULES } from "../model/profile.ts";
import { ACCOUNT_HELP, ACCOUNT_OPTIONS, accountOf, loggedIn } from "./account-options.ts";
import { openLibrary, withCalibre } from "./calibre.ts";
import { SHARED_HELP, columnsOf, matchingOf, policyOf } from "./profile-options.ts";
import { Refused, idsOf, orSentence } from "./sentences.ts";
import { stoppable } from "./stopping.ts";
import { pushSummary } from "./summary.ts";

export const summary =
  "push --library DIR --url URL --user NAME --password-stdin [--ids N] [--typed]    calibre's own places to the server";

export const help = `
  --library DIR            calibre's library; unless it is a dry run, calibre itself must not be running
${ACCOUNT_HELP}
${SHARED_HELP}
  --typed                  with one book in --ids: push the percentage typed into its percent column
  --server-user NAME       whose places in calibre's content server count, again for another one

Example:
  koreader-progress push --library "$HOME/Calibre Library" --url https://sync.example --user ann --password-stdin \\
      --dry-run --explain < password.txt
`;

/** Pushes once; 0 when nothing failed, 1 when a put failed or must be decided, 2 when nothing could be done, 130 when stopped. */
export function run(args: string[]): Promise<number> {
  return orSentence(() => push(args));
}

async function push(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      library: { type: "string" },
      ...ACCOUNT_OPTIONS,
      column: { type: "string", multiple: true, default: [] },
      ids: { type: "string" },
      "server-user": { type: "string", multiple: true, default: [] },
      typed: { type: "boolean", default: false },
      matching: { type: "string", default: "both" },
      policy: { type: "string" },
      "copy-logs": { type: "string", multiple: true, default: [] },
      "dry-run": { type: "boolean", default: false },
      wait: { type: "boolean", default: false },
      explain: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const { library, typed } = values;
  if (library === undefined) throw new Refused("push: --library is needed.");
  const columns = columnsOf(values.column, "push");
  const ids = values.ids === undefined ? null : idsOf(values.ids, "push");
  if (typed && ids?.length !== 1) throw new Refused("push: --typed pushes one book: name it with --ids.");
  const policy = values.policy === undefined ? DEFAULT_RULES.conflict : policyOf(values.policy, "push");
  const matching = matchingOf(values.matching, "push");
  const draft = await accountOf(values, "push");
  const dry_run = values["dry-run"];

  async function send(signal: AbortSignal): Promise<number> {
    const known = await loggedIn(draft, signal);
    return withCalibre(signal, async (calibre) => {
      const wanted = { library: library ?? "", dry_run, copy_logs: values["copy-logs"], wait: values.wait };
      const book_ids = await openLibrary(calibre, wanted, signal);
      const mapped = await calibre.map({ columns, url: known.url, username: known.username, needed: typed });
      const profile: Profile = {
        id: "command-line",
        matching,
        columns: mapped.columns,
        rules: { ...DEFAULT_RULES, conflict: policy },
        ran_before: true,
        time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      };
      const account: Account = { ...known, id: mapped.account_id };
      const users = values["server-user"];
      const request = { account, profile, book_ids: ids ?? book_ids, dry_run, typed, users };
      const report = await calibre.push(request).catch(asStopped);
      if (values.json) printJson(report);
      else {
        await printLines(report, calibre, dry_run, values.explain);
        process.stderr.write(`${pushSummary(report, dry_run)}\n`);
      }
      const failed = report.results.some(({ outcome }) => outcome !== "put");
      const unasked = report.plan.skipped.some(({ reason }) => ["answer_failed", "not_reached"].includes(reason.code));
      return failed || unasked || report.plan.conflicts.length > 0 ? 1 : 0;
    });
  }
  return stoppable((signal) => orSentence(() => send(signal)));
}

/** What was stopped half way may have sent something: that must not be said otherwise. */
export function asStopped(error: unknown): never {
  if (error instanceof SyncError && error.kind === "Cancelled") {
    throw new Refused("Stopped; what was sent by then stays sent.");
  }
  throw error;
}

function printJson({ plan: { puts, conflicts, skipped }, results, written }: LibraryPushReport): void {
  process.stdout.write(`${JSON.stringify({ plan: { puts, conflicts, skipped }, results, written })}\n`);
}

/** One line for each record put, each question and each failure; with `explain` the reason of every decision. */
async function printLines(
  { plan, results }: LibraryPushReport,
  calibre: CalibreLibrary,
  dryRun: boolean,
  explain: boolean,
): Promise<void> {
  const done = results.flatMap(({ put, outcome }) => (outcome === "put" ? [put] : []));
  const lines: { text: string; why: Why }[] = [
    ...(dryRun ? plan.puts : done).map(({ book_id, document, progress, percentage, why }) => ({
      text: `${book_id}\t${document}\t${(percentage * 100).toFixed(2)} %\t${progress}`,
      why,
    })),
    ...plan.conflicts.map(({ book_id, why }) => ({ text: `${book_id}\tundecided`, why })),
    ...(explain ? plan.skipped.map(({ book_id, reason }) => ({ text: `${book_id}\tleft alone`, why: reason })) : []),
  ];
  const sentences = explain ? await calibre.explain(lines.map(({ why }) => why)) : [];
  for (const [index, { text }] of lines.entries()) {
    process.stdout.write(explain ? `${text}\t${sentences[index] ?? ""}\n` : `${text}\n`);
  }
  for (const { put, outcome, error } of results) {
    if (outcome !== "put") process.stderr.write(`${put.book_id}\t${put.document}\t${error ?? outcome}\n`);
  }
}
