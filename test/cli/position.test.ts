import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { evidence, pairs } from "../support/positions.ts";

// As it is shipped: what runs from its sources may still break in the bundle.
const main = join(import.meta.dirname, "../../dist/cli.mjs");
const alice = evidence("alice.epub");

function position(args: readonly string[], input = ""): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "position", ...args], {
    encoding: "utf8",
    input,
    timeout: 60_000,
  });
  return { code: status, stdout, stderr };
}

const POINTER = "/body/DocFragment[3]/body/div/p[3]/text()[3].226";
const CFI = "epubcfi(/6/2/4/2[pgepubid00003]/8/1:294)";

describe("koreader-progress position", () => {
  test("says a pointer as a CFI, and ends with 0", () => {
    expect(position([alice, "--to", "cfi", POINTER])).toEqual({ code: 0, stdout: `${CFI}\n`, stderr: "" });
  });

  test("--json says how sure it is, and with what share and text", () => {
    const { stdout } = position([alice, "--to", "xpointer", CFI, "--json"]);
    expect(Object.keys(JSON.parse(stdout))).toEqual(["in", "position", "percentage", "quality", "text"]);
    expect(JSON.parse(stdout)).toEqual({
      in: CFI,
      position: "/body/DocFragment[3]/body/div[1]/p[3]/text()[3].226",
      percentage: 0.0248,
      quality: "text",
      text: "natural); but when the Rabbit actually took a watch out of i",
    });
  });

  test("--batch reads one position a line, and writes one object a line in the same order", () => {
    const known = pairs().filter(({ book }) => book === "alice");
    const { code, stdout } = position(
      [alice, "--to", "cfi", "--batch"],
      known.map(({ xpointer }) => `${xpointer}\n`).join(""),
    );
    const lines = stdout.trim().split("\n");
    expect(code).toBe(0);
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      known.map(({ xpointer, cfi }) => expect.objectContaining({ in: xpointer, position: cfi, quality: "text" })),
    );
  });

  test("--to words says chapter and sentence", () => {
    const { stdout } = position([alice, "--to", "words", "/body/DocFragment[9]/body/div/p[6]/text().5"]);
    expect(stdout).toBe(
      "CHAPTER VII. A Mad Tea-Party: “Then it wasn’t very civil of you to offer it,” said Alice angrily.\n",
    );
  });

  test("without --to it says everything it knows", () => {
    const { code, stdout } = position([alice, POINTER]);
    expect(code).toBe(0);
    expect(stdout).toContain(CFI);
    expect(stdout).toContain("CHAPTER I. Down the Rabbit-Hole");
    expect(JSON.parse(position([alice, POINTER, "--json"]).stdout)).toMatchObject({ cfi: CFI, quality: "text" });
  });

  test("a position that is not in the book ends with 1, unless it is one of many", () => {
    expect(position([alice, "--to", "cfi", "/body/DocFragment[99]/body/p"])).toMatchObject({ code: 1, stdout: "-\n" });
    const batch = position([alice, "--to", "cfi", "--batch"], "/body/DocFragment[99]/body/p\nnonsense\n");
    expect(batch.code).toBe(0);
    expect(
      batch.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { in: "/body/DocFragment[99]/body/p", position: null, percentage: null, quality: "percent", text: "" },
      { in: "nonsense", position: null, percentage: null, quality: "percent", text: "" },
    ]);
  });

  test("a book that cannot be read is one sentence, and the command ends with 1", () => {
    expect(position(["/nowhere/book.epub", "--to", "cfi", POINTER])).toEqual({
      code: 1,
      stdout: "",
      stderr: "position: /nowhere/book.epub does not exist.\n",
    });
  });

  test.each([
    ["no book", []],
    ["another target", [alice, "--to", "pdf", POINTER]],
    ["no position", [alice, "--to", "cfi"]],
    ["two positions", [alice, POINTER, CFI]],
  ])("%s ends with 2 and a sentence", (_, args) => {
    const { code, stderr } = position(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^position: .+\.\n$/);
  });
});
