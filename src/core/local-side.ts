import type { Book, LocalChange } from "../model/plan.ts";
import type { ColumnMapping, Profile } from "../model/profile.ts";
import { fits, shareOf } from "./columns.ts";
import { isEmpty, sameCell } from "./same-cell.ts";
import { readStatus } from "./status.ts";
import type { Status } from "./status.ts";

/** What the library itself says of a book, and what the reader changed there since the base. */
export interface LocalSide {
  /** How far, 0..1, as exactly as known; null when the library does not say. */
  share: number | null;
  status: Status | "empty" | "own";
  finished: boolean;
  percentChanged: boolean;
  statusChanged: boolean;
  /** When the percentage was last changed here, epoch seconds; the run's start when nobody saw it happen. */
  percentChangedAt: number;
  statusChangedAt: number;
  /** Whether both times above were really seen rather than assumed. */
  seen: boolean;
  /** The percentage is what we ourselves wrote. */
  ours: boolean;
  changes: LocalChange[];
}

/** Whether the reader changed a cell since the base: what we wrote ourselves since then is no change of theirs. */
export function changedHere(mapping: ColumnMapping, book: Book): boolean {
  const { column } = mapping;
  const cell = book.cells[column];
  const agreed = book.base?.values[column];
  if (cell === undefined || agreed === undefined || sameCell(mapping, cell, agreed)) return false;
  const ours = book.written[column];
  return ours === undefined || !sameCell(mapping, cell, ours);
}

/** Whether a cell still holds what we ourselves wrote into it last: no hand of the reader's made it. */
export function isOurs(mapping: ColumnMapping, book: Book): boolean {
  const cell = book.cells[mapping.column] ?? null;
  const ours = book.written[mapping.column];
  return ours !== undefined && !isEmpty(cell) && sameCell(mapping, cell, ours);
}

/** The columns that no base knows: there "no base yet" holds, whatever was agreed on in the others. */
export function unknownColumns(book: Book, { columns }: Profile): ColumnMapping[] {
  const values = book.base?.values ?? {};
  return columns.filter(
    ({ column, field }) => values[column] === undefined && book.cells[column] !== undefined && field !== "last_synced",
  );
}

/**
 * The book with the base that this profile may judge by. Another profile's base may be handed in where this one has
 * none yet; when it knows none of the profile's columns, nothing was ever agreed on here.
 */
export function withOwnBase(book: Book, { columns }: Profile): Book {
  const { base } = book;
  // When a book was last synced says nothing of where the reader is: such a column alone is as good as none.
  const telling = columns.filter(({ field }) => field !== "last_synced");
  if (base === null || telling.length === 0) return book;
  const known = telling.some(({ column }) => base.values[column] !== undefined);
  return known ? book : { ...book, base: null };
}

/** Whether the reader emptied a cell that both sides had agreed on. */
export function clearedHere(mapping: ColumnMapping, book: Book): boolean {
  const agreed = book.base?.values[mapping.column];
  return isEmpty(book.cells[mapping.column] ?? null) && agreed !== undefined && !isEmpty(agreed);
}

function usable(field: ColumnMapping["field"], book: Book, profile: Profile): ColumnMapping | undefined {
  return profile.columns.find(
    (mapping) => mapping.field === field && fits(mapping) && book.cells[mapping.column] !== undefined,
  );
}

function localShare(
  percent: ColumnMapping | undefined,
  status: LocalSide["status"],
  book: Book,
  profile: Profile,
): number | null {
  const { base } = book;
  if (percent !== undefined) {
    const cell = book.cells[percent.column] ?? null;
    const agreed = base?.values[percent.column];
    // The base is exact where whole percent are not.
    if (base !== null && agreed !== undefined && sameCell(percent, cell, agreed) && !isEmpty(cell))
      return base.percentage;
    return shareOf(percent, cell);
  }
  if (base !== null) return base.percentage;
  if (status === "finished") return Math.max(profile.rules.finish_at, 1);
  return status === "unread" ? 0 : null;
}

/** Reads the library's side of a book. `now` is the run's start in epoch seconds. */
export function localSide(book: Book, profile: Profile, now: number): LocalSide {
  const { rules } = profile;
  const percent = usable("percent", book, profile);
  const word = usable("status", book, profile);
  const status = word === undefined ? "empty" : readStatus(word, book.cells[word.column] ?? null, rules.status_words);
  const share = localShare(percent, status, book, profile);
  const percentChanged = percent !== undefined && changedHere(percent, book);
  const statusChanged = word !== undefined && changedHere(word, book);
  const at = (mapping: ColumnMapping | undefined): number =>
    (mapping === undefined ? undefined : book.changed_at[mapping.column]) ?? now;
  // A reader who set another word by hand has said that the book is not finished, whatever the percentage says.
  const unfinishedByHand = statusChanged && (status === "reading" || status === "unread");
  const seen = [percent, word].filter(
    (mapping) => mapping !== undefined && book.changed_at[mapping.column] !== undefined,
  );
  // Without a base nothing is known to have changed, except what was seen.
  const changed = book.base === null ? seen : [percentChanged ? percent : undefined, statusChanged ? word : undefined];
  return {
    share,
    status,
    finished: status === "finished" || (share !== null && share >= rules.finish_at && !unfinishedByHand),
    percentChanged,
    statusChanged,
    percentChangedAt: at(percent),
    statusChangedAt: at(word),
    seen: seen.length > 0,
    ours: percent !== undefined && isOurs(percent, book),
    changes: changed.flatMap((mapping) =>
      mapping === undefined ? [] : [{ book_id: book.book_id, column: mapping.column, at: at(mapping) }],
    ),
  };
}
