import { globSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

describe("the glossary", () => {
  const [, list = ""] = readFileSync("docs/architecture.md", "utf8").split("\n## Words\n");
  const words = [...list.matchAll(/^- \*\*(.+?)\*\*: ./gm)].map(([, word = ""]) => word);

  test("is a list in alphabetical order, a line a word", () => {
    expect(words.length).toBeGreaterThan(50);
    expect(words).toEqual(words.toSorted((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)));
    expect(new Set(words).size).toBe(words.length);
    expect(list.split("\n").filter((line) => line !== "" && !line.startsWith("- **"))).toEqual([
      "One for one thing, in alphabetical order.",
    ]);
  });

  test("knows only words that the code uses", () => {
    const code = globSync("{src,bridge,calibre_plugin}/**/*.{ts,py}")
      .map((file) => readFileSync(file, "utf8"))
      .join("\n")
      // However a language writes a word of several: `copy_log`, `copyLog`, `copy-log`.
      .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
      .replaceAll(/[_-]/g, " ")
      .replaceAll(/\s+/g, " ")
      .toLowerCase();
    expect(words.filter((word) => !code.includes(word.toLowerCase()))).toEqual([]);
  });
});
