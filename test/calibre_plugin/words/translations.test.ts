import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";

/** One sentence and its translations, as `msgcat --no-wrap` lays them out. */
interface Entry {
  id: string;
  translations: string[];
}

function entriesOf(path: string): Entry[] {
  const { stdout } = spawnSync("msgattrib", ["--translated", "--no-obsolete", "--no-wrap", path], { encoding: "utf8" });
  return stdout
    .split("\n\n")
    .map((block) => ({
      id: [...block.matchAll(/^msgid(?:_plural)? "(.*)"$/gm)].map((match) => match[1] ?? "").join(" "),
      translations: [...block.matchAll(/^msgstr(?:\[\d\])? "(.*)"$/gm)].map((match) => match[1] ?? ""),
    }))
    .filter(({ id }) => id !== "");
}

/** Every sentence of a catalogue, whatever its order and however its lines are broken. */
function sentencesIn(path: string): string[] {
  const { stdout } = spawnSync("msgcat", ["--no-wrap", path], { encoding: "utf8" });
  return (stdout.match(/^msgid(?:_plural)? ".*"$/gm) ?? []).toSorted();
}

const hasLetter = (text: string): boolean => /&\S/.test(text.replaceAll("&&", ""));

const ids = (file: string): Set<string> => new Set(readFileSync(file, "utf8").match(/^msgid "(?:[^"\\]|\\.)+"$/gm));

const blanksOf = (text: string): string[] => [...new Set(text.match(/\{\w*\}/g) ?? [])].toSorted();

test("the template holds the sentences of the code, and no others: else `npm run messages`", () => {
  const folder = mkdtempSync(join(tmpdir(), "koreader-progress-messages-"));
  try {
    const made = join(folder, "messages.pot");
    const { status } = spawnSync(process.execPath, ["scripts/extract-messages.ts", "--to", made]);
    expect(status).toBe(0);
    expect(sentencesIn("calibre_plugin/translations/messages.pot")).toEqual(sentencesIn(made));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe.each(globSync("calibre_plugin/translations/*.po"))("the translation %s", (path) => {
  test("is accepted by gettext", () => {
    expect(spawnSync("msgfmt", ["--check-format", "--check-domain", "-o", "/dev/null", path]).status).toBe(0);
  });

  test("fills in no blank that the sentence does not have, and forgets none", () => {
    const entries = entriesOf(path);
    // German is whole; any other may be a part.
    expect(entries.length).toBeGreaterThan(path.endsWith("de.po") ? 400 : 0);
    const wrong = entries.filter(({ id, translations }) =>
      translations.some((text) => blanksOf(text).join() !== blanksOf(id).join() && !id.includes("once")),
    );
    expect(wrong).toEqual([]);
  });

  test("gives a letter to jump by wherever the sentence has one", () => {
    const wrong = entriesOf(path).filter(({ id, translations }) =>
      translations.some((text) => hasLetter(text) !== hasLetter(id)),
    );
    expect(wrong).toEqual([]);
  });

  test("knows the sentences of the template", () => {
    const template = ids("calibre_plugin/translations/messages.pot");
    const missing = [...template].filter((id) => !ids(path).has(id));
    expect(missing).toEqual([]);
  });
});
