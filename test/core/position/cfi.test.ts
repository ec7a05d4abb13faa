import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatCfi, parseCfi } from "../../../src/core/position/cfi.ts";

describe("calibre's CFI", () => {
  test("spine, steps, ids and the text offset are read", () => {
    expect(parseCfi("epubcfi(/8/2/4/2[pgepubid00004]/8/1:17)")).toEqual({
      spine: 3,
      steps: [
        { number: 2, id: null },
        { number: 4, id: null },
        { number: 2, id: "pgepubid00004" },
        { number: 8, id: null },
        { number: 1, id: null },
      ],
      offset: 17,
    });
  });

  test.each([
    ["a point on an image", "epubcfi(/2/2/4/2/2@50:50)", null],
    ["a moment of a video", "epubcfi(/2/2/4/2/2~12.5)", null],
    ["both", "epubcfi(/2/2/4/2/2~12.5@1.5:20)", null],
    ["a text assertion", "epubcfi(/2/2/4/2/1:3[;s=a])", 3],
  ])("%s is the place itself", (_, cfi, offset) => {
    expect(parseCfi(cfi)).not.toBeNull();
    expect(parseCfi(cfi)?.offset).toBe(offset);
  });

  test.each([
    "",
    "epubcfi()",
    "epubcfi(/)",
    "epubcfi(/3/2)",
    "epubcfi(/0/2)",
    "epubcfi(/2/x)",
    "/body/p",
    "epubcfi(/2:1:2)",
    "epubcfi(/2!/4/2/1:3)",
    "epubcfi(/6/14!/4/2/1:3)",
  ])("%j is none", (text) => {
    expect(parseCfi(text)).toBeNull();
  });

  test("whatever is written is read again, with any id", () => {
    const step = fc.record({ number: fc.nat(500), id: fc.option(fc.string({ minLength: 1 }), { nil: null }) });
    fc.assert(
      fc.property(fc.nat(500), fc.array(step), fc.option(fc.nat(), { nil: null }), (spine, steps, offset) => {
        const cfi = { spine, steps, offset };
        expect(parseCfi(formatCfi(cfi))).toEqual(cfi);
      }),
    );
  });
});
