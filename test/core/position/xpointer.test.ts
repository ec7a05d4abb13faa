import { describe, expect, test } from "vitest";
import { formatXpointer, parseXpointer } from "../../../src/core/position/xpointer.ts";

describe("every shape of pointer that KOReader has sent", () => {
  test.each([
    ["/body/DocFragment[9]/body/div/p[4]/text().48", 9, 4, 48],
    ["/body/DocFragment/body/p.0", 1, 2, 0],
    ["/body[1]/DocFragment[9]/body[1]/div[1]/h2[1]/text()[1].0", 9, 4, 0],
    ["/body/DocFragment[13].0", 13, 0, 0],
    ["/body/DocFragment[3]/body/div/img.0", 3, 3, 0],
    ["/body/DocFragment[3]/body/div/br[26].0", 3, 3, 0],
    ["/body/DocFragment[3]/body/p[7]", 3, 2, null],
    ["/body/DocFragment[3]/body/my-element/x-y/text()[2].3", 3, 4, 3],
    ["/body/DocFragment[6]/body/autoboxing/?xml", 6, 3, null],
    ["/body/DocFragment[6]/body/3/text().2", 6, 3, 2],
    ["/FictionBook/body/section[2]/p[3]", null, 4, null],
    ["/html/body/div[2]/p/text()[3].17", null, 5, 17],
  ])("%s", (pointer, fragment, steps, point) => {
    const parsed = parseXpointer(pointer);
    expect(parsed?.fragment).toBe(fragment);
    expect(parsed?.steps.length).toBe(steps);
    expect(parsed?.point).toBe(point);
  });

  test("boxes that older versions named are stepped over", () => {
    const old = parseXpointer("/body/DocFragment[2]/body/autoBoxing[3]/floatBox/p[2]/inlineBox/img.0");
    expect(old).toEqual(parseXpointer("/body/DocFragment[2]/body/p[2]/img.0"));
  });

  test.each([
    "",
    "12",
    "body/p",
    "/body/DocFragment[x]/p",
    "/body/p[1",
    "/body/p.",
    "/body/p.1.2",
    "epubcfi(/2/4)",
    "//p",
  ])("%j is none", (text) => {
    expect(parseXpointer(text)).toBeNull();
  });

  test.each([
    "/body/DocFragment[9]/body/div[1]/p[4]/text()[1].48",
    "/body/DocFragment[13].0",
    "/FictionBook[1]/body[1]/section[2]/p[3]",
  ])("%s is written as it was read", (pointer) => {
    const parsed = parseXpointer(pointer);
    expect(parsed === null ? null : formatXpointer(parsed)).toBe(pointer);
  });
});
