/** The reading log as a person wants it: a book's story, or a table of many books for other programs. */
import { exportCsv, exportJson, tellReading } from "../core/reading-log.ts";
import type { Observation } from "../model/plan.ts";
import type { Rules } from "../model/profile.ts";
import type { LoggedBook, ReadingStory } from "../model/reading-log.ts";

/** What tells reading from looking into a book, and whose days are counted; a null zone is this machine's own. */
export interface Telling {
  readonly rules: Rules;
  readonly time_zone: string | null;
}

/** The story of one book: days read, readings, time to finish, the points of its chart. */
export function tellLog(observations: readonly Observation[], { rules, time_zone }: Telling): ReadingStory {
  return tellReading(observations, rules, time_zone ?? localTimeZone());
}

/** The logs of books as CSV (a row an observation) or JSON (an object a book, with its story). */
export function exportLog(books: readonly LoggedBook[], format: "csv" | "json", { rules, time_zone }: Telling): string {
  return format === "csv" ? exportCsv(books) : exportJson(books, rules, time_zone ?? localTimeZone());
}

function localTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
