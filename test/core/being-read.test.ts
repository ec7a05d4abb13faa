import { expect, test } from "vitest";
import { isBeingRead } from "../../src/core/being-read.ts";
import type { Cell } from "../../src/model/cell.ts";
import type { Base } from "../../src/model/plan.ts";
import { bookOf } from "../support/models.ts";
import { column, profileOf, T0 } from "./samples.ts";

const STATUS = column("status", "#status", "text");
const PERCENT = column("percent", "#pct", "int");
const WORDS = column("percent", "#pct", "text");
const YES_NO = column("status", "#status", "bool");

test.each<[string, ReturnType<typeof column>[], Record<string, Cell>, boolean]>([
  ["the word for it", [STATUS], { "#status": "Reading" }, true],
  ["the word in another case, with blanks", [STATUS], { "#status": " READING " }, true],
  ["another word", [STATUS], { "#status": "Unread" }, false],
  ["no word at all", [STATUS], { "#status": null }, false],
  ["a percentage between", [PERCENT], { "#pct": 42 }, true],
  ["a percentage in words", [WORDS], { "#pct": "42 %" }, true],
  ["a percentage in words of one's own", [WORDS], { "#pct": "42,5%" }, true],
  ["a book that was only opened", [PERCENT], { "#pct": 0 }, false],
  ["a whole book", [WORDS], { "#pct": "100 %" }, false],
  ["the word, at a whole book that is read again", [STATUS, PERCENT], { "#status": "Reading", "#pct": 100 }, true],
  ["a percentage between, and the word for finished", [STATUS, PERCENT], { "#status": "finished", "#pct": 42 }, false],
  ["a percentage between, and a word of one's own", [STATUS, PERCENT], { "#status": "On hold", "#pct": 42 }, true],
  ["the No that calibre shows for every book", [YES_NO], { "#status": false }, false],
  ["a Yes", [YES_NO, PERCENT], { "#status": true, "#pct": 42 }, false],
])("%s", (_what, columns, cells, expected) => {
  expect(isBeingRead(bookOf({ cells }), profileOf({ columns }))).toBe(expected);
});

test("what both sides agreed on counts where no column shows how far", () => {
  const base: Base = {
    book_id: 1,
    document: "a".repeat(32),
    percentage: 0.42,
    progress: "/body",
    timestamp: T0,
    device: "Kobo",
    values: { "#device": "Kobo" },
  };
  const device = column("device", "#device", "text");
  const book = bookOf({ base, cells: { "#device": "Kobo" } });
  expect(isBeingRead(book, profileOf({ columns: [device] }))).toBe(true);
});
