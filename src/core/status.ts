import type { Cell } from "../model/cell.ts";
import type { ColumnMapping, Rules, StatusWords } from "../model/profile.ts";
import { textCell } from "./columns.ts";
import { isEmpty } from "./same-cell.ts";

/** How far a book has come; in the order of this list a status only rises, but for a re-read. */
export const STATUSES = ["unread", "reading", "finished"] as const;
export type Status = (typeof STATUSES)[number];

/** What a share means: unread below the reading threshold, finished from the finish threshold on. */
export function statusOf(share: number, rules: Pick<Rules, "finish_at" | "reading_from">): Status {
  if (share >= rules.finish_at) return "finished";
  return share >= rules.reading_from && share > 0 ? "reading" : "unread";
}

/** A status as its column holds it: the reader's own word, or yes for finished; null when the enumeration lacks the word. */
export function statusCell(mapping: ColumnMapping, status: Status, words: StatusWords): { cell: Cell } | null {
  if (mapping.datatype !== "bool") return textCell(mapping, words[status]);
  if (status === "unread") return { cell: null };
  return { cell: status === "finished" };
}

/** What a status cell says: one of ours, `empty`, or `own` for a word of the reader's that is never overwritten. */
export function readStatus(mapping: ColumnMapping, cell: Cell, words: StatusWords): Status | "empty" | "own" {
  if (isEmpty(cell)) return "empty";
  if (mapping.datatype === "bool") return cell === true ? "finished" : "reading";
  const said = String(cell).trim().toLowerCase();
  return STATUSES.find((status) => words[status].trim().toLowerCase() === said) ?? "own";
}
