import { expect, test } from "vitest";
import { append, largest, least } from "../../src/core/lists.ts";

const MANY = Array.from({ length: 500_000 }, (_, n) => n - 250_000);

test("a list takes half a million more, and tells its ends", () => {
  const list = [7];
  append(list, MANY);
  expect(list).toHaveLength(500_001);
  expect([largest(0, list), least(0, list)]).toEqual([249_999, -250_000]);
});

test("no numbers at all leave what was there", () => {
  expect([largest(-3, []), least(Infinity, [])]).toEqual([-3, Infinity]);
});
