/** The last line of a run: what became of the books that were asked about. */
import type { LibraryPushReport, SyncReport } from "../model/library.ts";

/** Of a pull over so many books. */
export function syncSummary({ plan, written, stale, failed }: SyncReport, books: number, dryRun: boolean): string {
  const cells = dryRun ? plan.updates : written;
  const changed = new Set(cells.map(({ book_id }) => book_id)).size;
  const undecided = plan.conflicts.filter(({ side }) => side === null).length;
  const of = `${counted(cells.length, "value")} of ${counted(changed, "book")}`;
  return sentence(`Of ${counted(books, "book")}`, [
    cells.length === 0 ? "nothing new" : `${of} ${dryRun ? "would be written" : "written"}`,
    undecided > 0 && `${counted(undecided, "book")} to be decided`,
    stale.length > 0 && `${counted(stale.length, "value")} left, as changed meanwhile`,
    failed.length > 0 && `${counted(failed.length, "value")} not written`,
  ]);
}

/** Of a push. */
export function pushSummary({ plan, results }: LibraryPushReport, dryRun: boolean): string {
  const sent = dryRun ? plan.puts.length : results.filter(({ outcome }) => outcome === "put").length;
  const failed = results.filter(({ outcome }) => outcome !== "put").length;
  return sentence(null, [
    sent === 0 ? "nothing to send" : `${counted(sent, "place")} ${dryRun ? "would be sent" : "sent"}`,
    plan.conflicts.length > 0 && `${counted(plan.conflicts.length, "book")} to be decided`,
    failed > 0 && `${counted(failed, "place")} not taken by the server`,
  ]);
}

function counted(count: number, thing: string): string {
  return `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;
}

function sentence(about: string | null, parts: readonly (string | false)[]): string {
  const text = parts.filter((part) => part !== false).join(", ");
  return about === null ? `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.` : `${about}: ${text}.`;
}
