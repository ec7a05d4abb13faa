import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { outcomeOf, planRow, renderTables, SECTIONS } from "./rules-table.ts";

describe.each(Object.entries(SECTIONS))("%s", (_title, rows) => {
  test.each(rows)("$when: $expect ($code)", (row) => {
    const { does, codes, cells } = outcomeOf(planRow(row));
    expect({ does, cells }).toEqual({ does: row.expect, cells: row.cells ?? {} });
    expect(codes).toContain(row.code);
  });
});

test("docs/rules.md shows exactly what the rules answer", () => {
  const file = "docs/rules.md";
  const text = readFileSync(file, "utf8");
  const [before, after] = [text.split("<!-- table -->\n")[0] ?? "", text.split("<!-- end of table -->")[1] ?? ""];
  const made = `${before}<!-- table -->\n${renderTables()}\n<!-- end of table -->${after}`;
  if (process.env["WRITE_DOCS"] === "1") writeFileSync(file, made);
  expect(readFileSync(file, "utf8")).toBe(made);
});
