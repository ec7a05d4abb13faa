/** `koreader-progress sync`: one pull into a library, without calibre's window. */
import { resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import type { CalibreLibrary } from "../app/ports.ts";
import type { SyncReport } from "../model/library.ts";
import type { Account } from "../model/account.ts";
import type { Reach } from "../model/reach.ts";
import type { Profile, Rules } from "../model/profile.ts";
import type { Why } from "../model/why.ts";
import { DEFAULT_RULES } from "../model/profile.ts";
import { ACCOUNT_HELP, ACCOUNT_OPTIONS, accountOf, loggedIn } from "./account-options.ts";
import { openLibrary, withCalibre } from "./calibre.ts";
import { SHARED_HELP, columnsOf, matchingOf, policyOf } from "./profile-options.ts";
import { Refused, idsOf, orSentence } from "./sentences.ts";
import { stoppable } from "./stopping.ts";
import { syncSummary } from "./summary.ts";

export const summary =
  "sync --library DIR [--url URL --user NAME --password-stdin] [--sidecars DIR] --column percent=#col ...";

export const help = `
  --library DIR            calibre's library; unless it is a dry run, calibre itself must not be running
${ACCOUNT_HELP}
${SHARED_HELP}
  --sidecars DIR           also what KOReader keeps below this folder, again for another one: a mounted card, a synced
                           folder, a backup; without --url it is all that is asked, and nothing is sent anywhere
  --device NAME            what the device or folder is called in the columns; its own name otherwise
  --all                    asks about every book of a large library, also where nothing new is likely
  --no-predict             never ask about copies that nobody saw leaving calibre

Examples:
  koreader-progress sync --library "$HOME/Calibre Library" --url https://sync.example --user ann --password-stdin \\
      --column percent=#percent_read --column status=#reading_status --dry-run --explain < password.txt
  koreader-progress sync --library "$HOME/Calibre Library" --sidecars /media/KOBOeReader --column percent=#percent_read
`;

/**
 * Pulls once; 0 when nothing failed, 1 when a book failed or a conflict is undecided, 2 when nothing could be done, 130
 * when it was stopped with Ctrl-C.
 */
export function run(args: string[]): Promise<number> {
  return orSentence(() => sync(args));
}

async function sync(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      library: { type: "string" },
      ...ACCOUNT_OPTIONS,
      column: { type: "string", multiple: true, default: [] },
      ids: { type: "string" },
      matching: { type: "string", default: "both" },
      policy: { type: "string" },
      "copy-logs": { type: "string", multiple: true, default: [] },
      sidecars: { type: "string", multiple: true, default: [] },
      device: { type: "string" },
      all: { type: "boolean", default: false },
      "no-predict": { type: "boolean", default: false },
      "dry-run": { type: "boolean", default: false },
      wait: { type: "boolean", default: false },
      explain: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const { library } = values;
  if (library === undefined) throw new Refused("sync: --library is needed.");
  const columns = columnsOf(values.column, "sync");
  const ids = values.ids === undefined ? null : idsOf(values.ids, "sync");
  const policy = values.policy === undefined ? null : policyOf(values.policy, "sync");
  const matching = matchingOf(values.matching, "sync");
  const { sidecars, device } = values;
  if (device !== undefined && sidecars.length !== 1) throw new Refused("sync: --device names one --sidecars folder.");
  const isWithoutServer = sidecars.length > 0 && values.url === undefined && values.user === undefined;
  const draft = isWithoutServer ? null : await accountOf(values, "sync");
  const dry_run = values["dry-run"];

  async function pull(signal: AbortSignal): Promise<number> {
    // The id of an account follows from its address: the one that really answers, not what was typed.
    const known = draft === null ? null : await loggedIn(draft, signal);
    return withCalibre(signal, async (calibre) => {
      const wanted = { library: library ?? "", dry_run, copy_logs: values["copy-logs"], wait: values.wait };
      const book_ids = await openLibrary(calibre, wanted, signal);
      const { url = "", username = "" } = known ?? {};
      const mapped = await calibre.map({ columns, url, username, needed: true });
      if (mapped.made.length > 0)
        process.stderr.write(
          `No column is mapped yet; this dry run shows the usual ones: ${mapped.made.join(", ")}.\n`,
        );
      const account: Account | null = known === null ? null : { ...known, id: mapped.account_id };
      const readers = sidecars.length === 0 ? null : await lookAt(sidecars, device ?? "", calibre);
      const rules: Rules = policy === null ? DEFAULT_RULES : { ...DEFAULT_RULES, conflict: policy };
      const profile: Profile = {
        id: "command-line",
        matching,
        columns: mapped.columns,
        rules,
        ran_before: true,
        time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      };
      const asked = ids ?? book_ids;
      const reach: Reach = ids !== null ? "chosen" : values.all ? "everything" : "usual";
      const predict = !values["no-predict"];
      const request = { account, profile, book_ids: asked, dry_run, reach, settle: policy, predict, readers };
      const report = await calibre.sync(request);
      if (values.json) printJson(report);
      else {
        await printLines(report, calibre, { dryRun: dry_run, explain: values.explain });
        process.stderr.write(`${syncSummary(report, asked.length, dry_run)}\n`);
      }
      sayWhatWaits(report, asked.length);
      return exitCodeOf(report);
    });
  }
  return stoppable((signal) => orSentence(() => pull(signal)));
}

/** The ids of the folders that tell something; what is not there, or odd, is said. */
async function lookAt(paths: readonly string[], name: string, calibre: CalibreLibrary): Promise<string[]> {
  const looks = await calibre.look(paths.map((path) => ({ path: resolve(path), name })));
  for (const { path, there, odd } of looks) {
    if (!there)
      process.stderr.write(`Nothing of KOReader's lies in ${path}, or it is not mounted: it changes nothing.\n`);
    for (const line of odd) process.stderr.write(`${line}\n`);
  }
  const there = looks.filter((look) => look.there);
  if (there.length === 0) throw new Refused("sync: none of the folders has anything of KOReader's.");
  return there.map(({ id }) => id);
}

function exitCodeOf(report: SyncReport): number {
  const isOpen = report.plan.conflicts.some(({ side }) => side === null);
  return isOpen || report.failed.length > 0 || hasFailure(report) ? 1 : 0;
}

/** What was not asked about: whoever reads the output must know that it is not all, and why. */
function sayWhatWaits({ plan }: SyncReport, books: number): void {
  const waiting = (code: string): number => plan.skipped.filter(({ reason }) => reason.code === code).length;
  const [spent, unreached, rest] = [waiting("allowance_spent"), waiting("not_reached"), waiting("not_asked")];
  const [asked, checked, all] = [books - rest, books - spent - unreached, books].map((n) => n.toLocaleString("en"));
  if (rest > 0) process.stderr.write(`Asked about ${asked} of ${all} books; --all asks about everything.\n`);
  if (spent + unreached === 0) return;
  const reason = unreached > 0 ? "the server stopped answering" : "today's questions are used up";
  process.stderr.write(`Checked ${checked} of ${all} books, continuing with the next sync: ${reason}.\n`);
}

const FAILURES: ReadonlySet<string> = new Set(["answer_failed", "not_reached", "book_unreadable", "write_refused"]);

function hasFailure({ plan }: SyncReport): boolean {
  return plan.skipped.some(({ reason }) => FAILURES.has(reason.code));
}

function printJson({ plan, written, stale, failed, carried }: SyncReport): void {
  const { updates, conflicts, skipped } = plan;
  process.stdout.write(
    `${JSON.stringify({ plan: { updates, conflicts, skipped }, written, stale, failed, carried })}\n`,
  );
}

interface LineOptions {
  readonly dryRun: boolean;
  readonly explain: boolean;
}

/** One line for each change, conflict and failure; with `explain` the reason of every decision. */
async function printLines(
  { titles, plan, written, failed }: SyncReport,
  calibre: CalibreLibrary,
  { dryRun, explain }: LineOptions,
): Promise<void> {
  const named = (book_id: number, ...words: string[]): string => [book_id, titles[book_id] ?? "", ...words].join("\t");
  const changes = dryRun ? plan.updates : written;
  const lines: { text: string; why: Why }[] = [
    ...changes.map(({ book_id, column, before, after, why }) => ({
      text: named(book_id, column, String(before ?? ""), String(after ?? "")),
      why,
    })),
    ...plan.conflicts
      .filter(({ side }) => side === null)
      .map(({ book_id, why }) => ({ text: named(book_id, "undecided"), why })),
    ...(explain
      ? plan.skipped.map(({ book_id, reason }) => ({ text: named(book_id, "left alone"), why: reason }))
      : []),
  ];
  const sentences = explain ? await calibre.explain(lines.map(({ why }) => why)) : [];
  for (const [index, { text }] of lines.entries()) {
    process.stdout.write(explain ? `${text}\t${sentences[index] ?? ""}\n` : `${text}\n`);
  }
  for (const { update, error } of failed) process.stderr.write(`${named(update.book_id, update.column, error)}\n`);
}
