/** `koreader-progress sync`: one pull into a library, without calibre's window. */
import { resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import type { CalibreLibrary, SyncReport } from "../app/ports.ts";
import { findServer } from "../compose.ts";
import type { Account } from "../model/account.ts";
import type { Profile, Rules } from "../model/profile.ts";
import type { Why } from "../model/why.ts";
import { startCalibre } from "./calibre.ts";
import { DEFAULT_RULES } from "./default-rules.ts";
import { SHARED_HELP, columnsOf, matchingOf, policyOf } from "./profile-options.ts";
import { userkeyOf } from "./password.ts";
import { Refused, idsOf, orSentence } from "./sentences.ts";

export const summary = "sync --library DIR --url URL --user NAME --password-stdin --column percent=#col ...";

export const help = `
  --library DIR            calibre's library; calibre itself must not be running
  --url URL                the sync server, as KOReader has it
  --user NAME              its user; with
  --password-stdin         the password comes on standard input
${SHARED_HELP}
  --no-predict             never ask about copies that nobody saw leaving calibre
`;

/** Pulls once; 0 when nothing failed, 1 when a book failed or a conflict is undecided, 2 when nothing could be done. */
export function run(args: string[]): Promise<number> {
  return orSentence(() => sync(args));
}

async function sync(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      library: { type: "string" },
      url: { type: "string" },
      user: { type: "string" },
      "password-stdin": { type: "boolean", default: false },
      column: { type: "string", multiple: true, default: [] },
      ids: { type: "string" },
      matching: { type: "string", default: "both" },
      policy: { type: "string" },
      "copy-logs": { type: "string", multiple: true, default: [] },
      "no-predict": { type: "boolean", default: false },
      "dry-run": { type: "boolean", default: false },
      explain: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const { library, url: asked, user } = values;
  if (library === undefined || asked === undefined || user === undefined) {
    throw new Refused("sync: --library, --url and --user are needed.");
  }
  if (!values["password-stdin"]) throw new Refused("sync: pass the password on standard input with --password-stdin.");
  const columns = columnsOf(values.column, "sync");
  const ids = values.ids === undefined ? null : idsOf(values.ids, "sync");
  const policy = values.policy === undefined ? null : policyOf(values.policy, "sync");
  const matching = matchingOf(values.matching, "sync");
  const userkey = await userkeyOf(process.stdin);
  const draft: Account = {
    id: "command-line",
    url: asked,
    username: user,
    userkey,
    headers: {},
    tls: { mode: "system" },
    proxy: null,
  };
  // The id of an account follows from its address: the one that really answers, not what was typed.
  const url = await findServer(draft);
  const calibre = await startCalibre();
  try {
    const dry_run = values["dry-run"];
    const { book_ids } = await calibre.open({ library: resolve(library), dry_run, copy_logs: values["copy-logs"] });
    const mapped = await calibre.map({ columns, url, username: user, needed: true });
    const account: Account = { ...draft, url, id: mapped.account_id };
    const rules: Rules = policy === null ? DEFAULT_RULES : { ...DEFAULT_RULES, conflict: policy };
    const profile: Profile = {
      id: "command-line",
      matching,
      columns: mapped.columns,
      rules,
      ran_before: true,
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    };
    const report = await calibre.sync({
      account,
      profile,
      book_ids: ids ?? book_ids,
      dry_run,
      settle: policy,
      predict: !values["no-predict"],
    });
    if (values.json) printJson(report);
    else await printLines(report, calibre, { dryRun: dry_run, explain: values.explain });
    return report.plan.conflicts.some(({ side }) => side === null) || report.failed.length > 0 || hasFailure(report)
      ? 1
      : 0;
  } finally {
    await calibre.close();
  }
}

const FAILURES: ReadonlySet<string> = new Set(["answer_failed", "answer_unusable", "book_unreadable", "write_refused"]);

function hasFailure({ plan }: SyncReport): boolean {
  return plan.skipped.some(({ reason }) => FAILURES.has(reason.code));
}

function printJson({ plan, written, stale, failed, carried }: SyncReport): void {
  const { updates, conflicts, skipped } = plan;
  process.stdout.write(
    `${JSON.stringify({ plan: { updates, conflicts, skipped }, written, stale, failed, carried })}\n`,
  );
}

interface Manner {
  readonly dryRun: boolean;
  readonly explain: boolean;
}

/** One line for each change, conflict and failure; with `explain` the reason of every decision. */
async function printLines(
  { titles, plan, written, failed }: SyncReport,
  calibre: CalibreLibrary,
  { dryRun, explain }: Manner,
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
