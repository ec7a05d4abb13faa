import type { Cell } from "../model/cell.ts";
import { FITTING } from "../model/profile.ts";
import type { ColumnMapping } from "../model/profile.ts";
import { dayOf, formatInstant } from "./dates.ts";

/** Whether a column can hold its field at all. */
export function fits(mapping: ColumnMapping): boolean {
  return FITTING[mapping.field].includes(mapping.datatype);
}

/** Whole percent of a share: 100 only for a finished book, and a begun book never shows 0. */
export function wholePercent(share: number, finishAt: number, readingFrom: number): number {
  const rounded = Math.round(share * 100);
  if (share < finishAt) return Math.max(share >= readingFrom && share > 0 ? 1 : 0, Math.min(99, rounded));
  return rounded;
}

/** A share as its percent column holds it: int 0..100, float 0..1 or 0..100, text "42 %". */
export function percentCell(mapping: ColumnMapping, share: number, finishAt: number, readingFrom: number): Cell {
  if (mapping.datatype === "float") return mapping.scale === 1 ? share : Number((share * 100).toPrecision(12));
  const whole = wholePercent(share, finishAt, readingFrom);
  return mapping.datatype === "text" ? `${whole} %` : whole;
}

/** Reads a percent column back into a share; null for an empty cell and for what no book can have. */
export function shareOf(mapping: ColumnMapping, cell: Cell): number | null {
  const value = typeof cell === "string" ? Number(cell.replace("%", "").replace(",", ".").trim() || Number.NaN) : cell;
  if (typeof value !== "number" || !Number.isFinite(value)) return null;
  const share = mapping.datatype === "float" && mapping.scale === 1 ? value : value / 100;
  return share >= 0 && share <= 1 ? share : null;
}

/** An instant as its date column holds it; in a text column the reader's own calendar day. Takes epoch seconds. */
export function dateCell(mapping: ColumnMapping, seconds: number, timeZone: string | null): Cell {
  return mapping.datatype === "text" ? dayOf(seconds, timeZone) : formatInstant(seconds);
}

/** A count as its column holds it. */
export function countCell(mapping: ColumnMapping, count: number): Cell {
  return mapping.datatype === "text" ? String(count) : count;
}

/** Reads a count back; null for an empty cell and for what is no count. */
export function countOf(cell: Cell): number | null {
  const value = typeof cell === "string" && cell.trim() !== "" ? Number(cell) : cell;
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? Math.floor(value) : null;
}

/** Text as its column holds it: calibre keeps neither blank text nor blanks around it; null when the enumeration lacks it. */
export function textCell(mapping: ColumnMapping, text: string): { cell: Cell } | null {
  // In calibre a comma would split the text of a column with several values, and control characters are dropped on writing.
  // oxlint-disable-next-line no-control-regex
  const clean = text.replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, "").trim();
  if (clean === "") return { cell: null };
  if (mapping.datatype !== "enumeration") return { cell: clean };
  const exact = mapping.enum_values.find((value) => value === clean);
  const alike = exact ?? mapping.enum_values.find((value) => value.toLowerCase() === clean.toLowerCase());
  return alike === undefined ? null : { cell: alike };
}
