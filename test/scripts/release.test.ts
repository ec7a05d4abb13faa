import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { notesOf, withVersion } from "../../scripts/release-files.ts";

const root = join(import.meta.dirname, "..", "..");
const files = Object.fromEntries(
  ["package.json", "package-lock.json", "calibre_plugin/__init__.py", "CHANGELOG.md"].map((name) => [
    name,
    readFileSync(join(root, name), "utf8"),
  ]),
);

describe("a release", () => {
  test("puts one number into every file that bears it, and a day into the changelog", () => {
    const after = withVersion(files, "7.8.9", "2031-02-03");
    if (typeof after === "string") throw new Error(after);
    expect(after["package.json"]).toContain('"version": "7.8.9"');
    expect(after["package-lock.json"]?.slice(0, 300).match(/"version": "7\.8\.9"/g)).toHaveLength(2);
    expect(after["calibre_plugin/__init__.py"]).toContain("\n    version = (7, 8, 9)\n");
    expect(after["CHANGELOG.md"]).toContain("\n## 7.8.9 (2031-02-03)\n");
    expect(notesOf(after["CHANGELOG.md"] ?? "", "7.8.9")).toContain("- ");
  });

  test.each(["", "1.2", "v1.2.3", "1.2.3-beta", "0.0.9"])("is refused as %s", (version) => {
    expect(withVersion(files, version, "2031-02-03")).toBeTypeOf("string");
  });

  test("is refused twice: calibre's updater compares numbers, and one that does not rise reaches nobody", () => {
    const after = withVersion(files, "7.8.9", "2031-02-03");
    if (typeof after === "string") throw new Error(after);
    expect(withVersion(after, "7.9.0", "2031-02-03")).toContain("(unreleased)");
    const next = {
      ...after,
      "CHANGELOG.md": (after["CHANGELOG.md"] ?? "").replace("\n## ", "\n## Next (unreleased)\n\n- x\n\n## "),
    };
    expect(withVersion(next, "7.8.9", "2031-02-03")).toBe("7.8.9 is not higher than 7.8.9");
    expect(withVersion(next, "7.10.0", "2031-02-03")).toBeTypeOf("object");
  });

  test("has notes of its own version alone", () => {
    const changelog = "# C\n\n## 1.1.0 (x)\n\n- new\n\n## 1.0.0 (y)\n\n- old\n";
    expect(notesOf(changelog, "1.1.0")).toBe("- new");
    expect(notesOf(changelog, "1.0.0")).toBe("- old");
    expect(notesOf(changelog, "1.0")).toBeNull();
  });
});

test("calibre's index can read the plugin without running it: literals only", () => {
  const source = files["calibre_plugin/__init__.py"] ?? "";
  expect(source).toMatch(/^ {4}name = "KOReader Progress"$/m);
  expect(source).toMatch(/^ {4}version = \(\d+, \d+, \d+\)$/m);
  expect(source).toMatch(/^ {4}minimum_calibre_version = \(\d+, \d+, \d+\)$/m);
  expect(source).toMatch(/^ {4}supported_platforms = \["windows", "osx", "linux"\]$/m);
  expect(source).toMatch(/^ {4}description = _\("[^"]+"\)$/m);
});

test("every action of the workflows is pinned by its hash, and gets no more rights than it names", () => {
  const workflows = globSync(".github/workflows/*.yml", { cwd: root });
  expect(workflows).not.toEqual([]);
  for (const name of workflows) {
    const text = readFileSync(join(root, name), "utf8");
    const used = [...text.matchAll(/uses: (\S+)/g)].map(([, action]) => action);
    expect(used.filter((action) => !/@[0-9a-f]{40}$/.test(action ?? ""))).toEqual([]);
    expect(text).toMatch(/^permissions: \{\}$/m);
  }
});
