import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mo } from "gettext-parser";
import { afterAll, describe, expect, test } from "vitest";
import { compileCatalogue } from "../../scripts/catalogue.ts";

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-catalogue-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a compiled catalogue says: each sentence with its context, and its translations. */
function saidBy(compiled: Buffer): Record<string, readonly string[]> {
  const { translations } = mo.parse(compiled);
  return Object.fromEntries(
    Object.entries(translations).flatMap(([context, sentences]) =>
      Object.values(sentences)
        .filter(({ msgid }) => msgid !== "")
        .map(({ msgid, msgstr }) => [`${context}\u0004${msgid}`, msgstr] as const),
    ),
  );
}

describe.each(globSync("calibre_plugin/translations/*.po"))("%s", (path) => {
  test("says, compiled here, what it says compiled by gettext", () => {
    const theirs = join(folder, "theirs.mo");
    expect(spawnSync("msgfmt", ["-o", theirs, path]).status).toBe(0);
    const ours = saidBy(compileCatalogue(readFileSync(path)));
    expect(Object.keys(ours).length).toBeGreaterThan(500);
    expect(ours).toEqual(saidBy(readFileSync(theirs)));
  });

  test("gives the same bytes each time", () => {
    const source = readFileSync(path);
    expect(compileCatalogue(source)).toEqual(compileCatalogue(source));
  });
});

const HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n';

test("a fuzzy or an empty translation is none", () => {
  const source = `${HEAD}#, fuzzy\nmsgid "a"\nmsgstr "A"\n\nmsgid "b"\nmsgstr ""\n\nmsgid "c"\nmsgstr "C"\n`;
  expect(saidBy(compileCatalogue(Buffer.from(source)))).toEqual({ "\u0004c": ["C"] });
});

test("a broken catalogue stops the build instead of leaving sentences out", () => {
  expect(() => compileCatalogue(Buffer.from(`${HEAD}msgid "a"\nmsgid "b"\nmsgstr "B"\nmsgst "x"\n`))).toThrow(
    "Error parsing PO data",
  );
});
