import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { indexEntry, threadText } from "../../scripts/forum.ts";
import { notesOf } from "../../scripts/release-files.ts";

const root = join(import.meta.dirname, "..", "..");
const read = (name: string): string => readFileSync(join(root, name), "utf8");
const { version } = z.object({ version: z.string() }).parse(JSON.parse(read("package.json")));

describe("what is posted for a release", () => {
  const text = threadText(read("README.md"), notesOf(read("CHANGELOG.md"), version) ?? "", version);

  test("is made of README and changelog, in the forum's markup", () => {
    expect(text).toContain(`KOReader Progress ${version}`);
    expect(text).toContain("[I]Preferences → Plugins → Load plugin from file[/I]");
    expect(text).toContain("[B]How it works[/B]");
    expect(text.match(/\[\*\]/g)?.length).toBeGreaterThan(20);
    for (const name of ["LIST", "B", "I", "URL", "FONT", "SPOILER", "SIZE"]) {
      const opened = text.match(new RegExp(String.raw`\[${name}(?:=[^\]]*)?\]`, "g")) ?? [];
      expect([name, text.split(`[/${name}]`).length - 1]).toEqual([name, opened.length]);
    }
  });

  test("has nothing in it that works only in a repository", () => {
    expect(text).not.toMatch(/\]\(|\*\*|!\[|```|^#|docs\/|npm run/m);
  });

  test("without a part of README that it needs, nothing is posted", () => {
    expect(() => threadText("# K\n\nhello\n", "- new", version)).toThrow(
      /no part "You read with KOReader and calibre"/,
    );
  });

  test("the index has its line", () => {
    expect(indexEntry("https://forum.example/1")).toBe(
      '[*][URL="https://forum.example/1"]KOReader Progress[/URL] History: Yes;\n',
    );
  });
});

// The index parses, and never runs, a plugin: constants of its class, a name inside a call of _ for what is translated.
const AS_THE_INDEX_READS = `
import ast, json, sys
found = {}
for node in ast.walk(ast.parse(sys.stdin.read())):
    if not isinstance(node, ast.ClassDef):
        continue
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            value = line.value
            if isinstance(value, ast.Call) and getattr(value.func, "id", "") == "_":
                value = value.args[0]
            try:
                found.setdefault(line.targets[0].id, ast.literal_eval(value))
            except ValueError:
                pass
print(json.dumps(found, default=str))
`;

test("calibre's index learns all it wants from the plugin's source, without running it", () => {
  const { stdout, stderr } = spawnSync("python3", ["-c", AS_THE_INDEX_READS], {
    input: read("calibre_plugin/__init__.py"),
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({
    name: "KOReader Progress",
    description: expect.stringContaining("KOReader"),
    author: expect.any(String),
    version: version.split(".").map(Number),
    minimum_calibre_version: [6, 0, 0],
    supported_platforms: ["windows", "osx", "linux"],
  });
});
