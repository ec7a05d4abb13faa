import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  countCell,
  countOf,
  dateCell,
  fits,
  percentCell,
  shareOf,
  textCell,
  wholePercent,
} from "../../src/core/columns.ts";
import { sameCell } from "../../src/core/same-cell.ts";
import { dayOf, formatInstant, parseInstant } from "../../src/core/dates.ts";
import { readStatus, statusCell, statusOf, STATUSES } from "../../src/core/status.ts";
import { ColumnDatatype, ColumnField, FITTING } from "../../src/model/profile.ts";
import { column, RULES, T0 } from "./samples.ts";

const PERCENT = [
  column("percent", "#p", "int"),
  column("percent", "#p", "float"),
  column("percent", "#p", "float", { scale: 100 }),
  column("percent", "#p", "text"),
];
const share = fc.double({ min: 0, max: 1, noNaN: true });

test("a share comes back from every percent column, within half a percent where it holds whole ones", () => {
  fc.assert(
    fc.property(fc.constantFrom(...PERCENT), share, (mapping, percentage) => {
      const back = shareOf(mapping, percentCell(mapping, percentage, 0.99, 0.01)) ?? -1;
      const exact = mapping.datatype === "float";
      expect(Math.abs(back - percentage)).toBeLessThanOrEqual(exact ? 1e-9 : 0.0100001);
    }),
  );
});

test.each([
  [0, 0],
  [0.001, 0],
  [0.01, 1],
  [0.0149, 1],
  [0.29, 29],
  [0.5849, 58],
  [0.989, 99],
  [0.9899, 99],
  [0.99, 99],
  [0.995, 100],
  [1, 100],
])("a share of %d is %d whole percent", (given, whole) => {
  expect(wholePercent(given, 0.99, 0.01)).toBe(whole);
});

test("100 % is kept for a finished book, and a begun one never shows 0 %", () => {
  expect(wholePercent(0.998, 1, 0.01)).toBe(99);
  expect(wholePercent(0.004, 0.99, 0.002)).toBe(1);
});

test.each(["abc", "", -3, 101, true, null])("a percent cell of %j says nothing", (cell) => {
  expect(shareOf(column("percent", "#p", "text"), cell)).toBeNull();
  expect(shareOf(column("percent", "#p", "int"), cell)).toBeNull();
});

test("a percent cell written by hand is read in either notation", () => {
  expect(shareOf(column("percent", "#p", "text"), " 42,5 % ")).toBeCloseTo(0.425);
});

test("an enumeration gives its own spelling or nothing", () => {
  const mapping = column("status", "#s", "enumeration", { enum_values: ["READING", "finished"] });
  expect(textCell(mapping, "Reading")).toEqual({ cell: "READING" });
  expect(textCell(mapping, "Unread")).toBeNull();
});

test("text is kept as calibre keeps it", () => {
  const mapping = column("device", "#d", "text");
  expect(textCell(mapping, "  Ann's\u0000 Kobo ")).toEqual({ cell: "Ann's Kobo" });
  expect(textCell(mapping, " \u0007 ")).toEqual({ cell: null });
});

test("a status comes back from its column, in the reader's own words and as yes or no", () => {
  const words = { unread: "Ungelesen", reading: "Lese ich", finished: "Gelesen" };
  for (const status of STATUSES) {
    const text = column("status", "#s", "text");
    expect(readStatus(text, statusCell(text, status, words)?.cell ?? null, words)).toBe(status);
    const yesNo = column("status", "#s", "bool");
    const back = readStatus(yesNo, statusCell(yesNo, status, words)?.cell ?? null, words);
    expect(back).toBe(status === "unread" ? "empty" : status);
  }
  expect(readStatus(column("status", "#s", "text"), "gelesen ", words)).toBe("finished");
  expect(readStatus(column("status", "#s", "text"), "Abgebrochen", words)).toBe("own");
});

test.each([
  [0, "unread"],
  [0.0099, "unread"],
  [0.01, "reading"],
  [0.9899, "reading"],
  [0.99, "finished"],
] as const)("a share of %d is %s", (given, status) => {
  expect(statusOf(given, RULES)).toBe(status);
});

test("instants survive the way to calibre and back, in a form that old Pythons read", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4_000_000_000 }), (seconds) => {
      const text = formatInstant(seconds);
      expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/);
      expect(parseInstant(text)).toBe(seconds);
    }),
  );
});

test("calibre's undefined date is no date", () => {
  expect(parseInstant("0101-01-01T00:00:00+00:00")).toBeNull();
});

test("a date in a text column is the reader's own day", () => {
  const late = T0 + 86_000;
  expect(dateCell(column("last_read", "#r", "text"), late, "Pacific/Auckland")).toBe("2026-01-02");
  expect(dateCell(column("last_read", "#r", "text"), late, "America/Los_Angeles")).toBe("2026-01-01");
  expect(dayOf(late, null)).toBe("2026-01-01");
});

test("the same instant in another offset, and a number with noise, are the same cell", () => {
  const date = column("last_read", "#r", "datetime");
  expect(sameCell(date, "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.400+00:00")).toBe(true);
  expect(sameCell(date, "2026-01-01T01:00:00+01:00", "2026-01-01T01:00:00+00:00")).toBe(false);
  expect(sameCell(column("percent", "#p", "float"), 0.1 + 0.2, 0.3)).toBe(true);
  expect(sameCell(column("device", "#d", "text"), "", null)).toBe(true);
  expect(sameCell(column("device", "#d", "text"), "Kobo Clara", "kobo clara")).toBe(true);
  expect(sameCell(column("place", "#d", "comments"), "Kobo Clara", "kobo clara")).toBe(false);
  expect(sameCell(column("status", "#s", "bool"), false, null)).toBe(false);
});

test("counts are counted, whatever stands there", () => {
  for (const mapping of [column("times_read", "#t", "int"), column("times_read", "#t", "text")])
    expect(countOf(countCell(mapping, 3))).toBe(3);
  expect([countOf("twice"), countOf(null), countOf(-1), countOf("")]).toEqual([null, null, null, null]);
});

test("every field fits some datatype, and a column of stars fits stars alone", () => {
  for (const field of ColumnField.options) {
    expect(FITTING[field].length).toBeGreaterThan(0);
    expect(fits(column(field, "#x", "rating"))).toBe(field === "rating");
    expect(FITTING[field].filter((datatype) => !ColumnDatatype.options.includes(datatype))).toEqual([]);
  }
});
