/** CONTRIBUTING's walks, gone on a copy: each step is needed, the types ask for it, and at the end both languages agree. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";

let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "koreader-progress-walks-"));
  for (const part of ["src", "bridge", "scripts", "package.json", "contract.schema.json", "calibre_plugin/link"]) {
    cpSync(part, join(copy, part), { recursive: true });
  }
  const { compilerOptions } = JSON.parse(readFileSync("tsconfig.json", "utf8")) as { compilerOptions: object };
  writeFileSync(
    join(copy, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { ...compilerOptions, incremental: true }, include: ["src", "bridge"] }),
  );
  symlinkSync(resolve("node_modules"), join(copy, "node_modules"));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** Puts lines before the first place where `beside` stands. */
function insert(file: string, beside: string, lines: string): void {
  const path = join(copy, file);
  const [before, ...after] = readFileSync(path, "utf8").split(beside);
  expect(after.length, `${file} has ${beside}`).toBeGreaterThan(0);
  writeFileSync(path, `${before}${lines}${beside}${after.join(beside)}`);
}

/** The files in which the types do not hold. */
function mistyped(): string[] {
  const { stdout } = spawnSync(resolve("node_modules/.bin/tsc"), ["-p", copy], { encoding: "utf8", cwd: copy });
  return [...new Set([...stdout.matchAll(/^([\w/.-]+\.ts)\(/gm)].map(([, file = ""]) => file))].toSorted();
}

function makeContract(): string {
  const made = spawnSync(process.execPath, ["scripts/contract-to-python.ts"], { encoding: "utf8", cwd: copy });
  expect(made.stderr).toBe("");
  return readFileSync(join(copy, "calibre_plugin/link/contract.py"), "utf8");
}

/** The files that a walk names. */
function filesOf(walk: string): string[] {
  const [, text = ""] = readFileSync("CONTRIBUTING.md", "utf8").split(`**${walk}**`);
  const [own = ""] = text.split("\n\n**");
  return [...own.matchAll(/`([\w./-]+\/[\w./-]*)`/g)]
    .map(([, file = ""]) => file)
    .filter((file) => !file.includes("xx."));
}

test.each(["A column field", "A method", "A server's dialect", "A language", "A rule"])(
  "the walk of %s names files that are there",
  (walk) => {
    const files = filesOf(walk);
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  },
);

test("a column field and a method are asked for by the types where they lack, and both languages know them at last", () => {
  insert("src/model/profile.ts", '    "last_synced",', '    "mood",\n');
  insert(
    "bridge/contract.ts",
    '  "diagnose/run": {',
    '  "diagnose/mood": { params: Nothing, result: Nothing, writes: false },\n',
  );
  expect(mistyped()).toEqual(["bridge/handlers.ts", "src/core/plan-cells.ts", "src/model/profile.ts"]);
  insert("src/model/profile.ts", "  last_synced: [", '  mood: ["text"],\n');
  insert("src/core/plan-cells.ts", '    case "last_synced":', '    case "mood":\n');
  insert("bridge/handlers.ts", '    "diagnose/run": async', '    "diagnose/mood": () => ({}),\n');
  expect(mistyped()).toEqual([]);
  const contract = makeContract();
  expect(contract).toContain('"mood": ("text",),');
  expect(contract).toContain('"diagnose/mood": (');
}, 240_000);

test("a column field is named by every file of the plugin that the walk names, and by no other", () => {
  const named = filesOf("A column field").filter((file) => file.startsWith("calibre_plugin/"));
  // As each field of its own kind is, for instance this one.
  const { stdout } = spawnSync("grep", ["-rl", "--include=*.py", '"days_read"', "calibre_plugin"], {
    encoding: "utf8",
  });
  const known = stdout.trim().split("\n");
  expect(named.toSorted()).toEqual(known.filter((file) => file !== "calibre_plugin/link/contract.py").toSorted());
});
