import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
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

describe("documents", () => {
  const paths = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", ...globSync("docs/**/*.md")];
  const targets = paths.flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)].map(
      ([, link = "", attribute]) => ({
        path,
        target: attribute ?? link,
      }),
    ),
  );

  test("lead only to files, headings and pictures that are there", () => {
    expect(targets.length).toBeGreaterThan(20);
    const broken = targets.filter(({ path, target }) => {
      if (/^https?:\/\//.test(target)) return !URL.canParse(target);
      const [file = "", heading] = target.split("#");
      const found = file === "" ? path : join(dirname(path), file);
      if (!existsSync(found)) return true;
      return heading !== undefined && !headingsOf(readFileSync(found, "utf8")).includes(heading);
    });
    expect(broken).toEqual([]);
  });

  test("the help's pages show only pictures that there are", () => {
    const pages = globSync("calibre_plugin/help/*.html");
    const pictures = pages.flatMap((page) => Array.from(readFileSync(page, "utf8").matchAll(/src="([^"]+)"/g)));
    expect(pictures.length).toBeGreaterThan(5);
    const missing = pictures.filter(([, name = ""]) => !existsSync(join("calibre_plugin/help", name)));
    expect(missing.map(([, name]) => name)).toEqual([]);
  });
});

/** As GitHub names the headings of a page. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
