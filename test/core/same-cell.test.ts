import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import * as z from "zod";
import { expect, test } from "vitest";
import { isEmpty, sameCell } from "../../src/core/same-cell.ts";
import { Cell } from "../../src/model/cell.ts";
import { ColumnDatatype } from "../../src/model/profile.ts";

const Case = z.strictObject({
  datatype: ColumnDatatype,
  one: Cell,
  other: Cell,
  same: z.boolean(),
  /** What the case is about. */
  why: z.string(),
});
const CASES = z.array(Case).parse(JSON.parse(readFileSync("test/fixtures/same-cells.json", "utf8")));

test.each(CASES)("$datatype: $one and $other, $why: $same", ({ datatype, one, other, same }) => {
  expect([sameCell({ datatype }, one, other), sameCell({ datatype }, other, one)]).toEqual([same, same]);
});

const cell = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.string(),
  fc.constantFrom("42 %", "2026-01-01"),
);

test("whatever stands there is the same as itself, and nothing is the same as nothing alone", () => {
  fc.assert(
    fc.property(fc.constantFrom(...ColumnDatatype.options), cell, (datatype, value) => {
      expect(sameCell({ datatype }, value, value)).toBe(true);
      expect(sameCell({ datatype }, value, null) || !isEmpty(value)).toBe(true);
    }),
  );
});
