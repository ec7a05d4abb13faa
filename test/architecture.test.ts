import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";

/** Which folder may import what: folders of ours by path, packages by name, `node:` for the runtime. */
const RULES: ReadonlyArray<{ readonly files: string; readonly may: readonly string[]; readonly except?: string }> = [
  { files: "src/model/*.ts", may: ["src/model", "zod"] },
  { files: "src/core/**/*.ts", may: ["src/model", "src/core", "spark-md5", "parse5"] },
  { files: "src/app/*.ts", may: ["src/model", "src/core", "src/app"] },
  {
    files: "src/io/**/*.ts",
    may: ["src/model", "src/core", "src/io", "src/app/ports", "node:", "zod", "yauzl", "undici", "python-shell"],
  },
  {
    files: "src/server/**/*.ts",
    may: ["src/model", "src/core", "src/server", "src/io/sqlite", "node:", "fastify", "redis", "zod"],
  },
  {
    files: "src/cli/*.ts",
    may: [
      "src/model",
      "src/app",
      "src/compose",
      "src/cli",
      "bridge/contract",
      "bridge/quiet-sqlite",
      "bridge/runtime-needed",
      "bridge/version",
      "zod",
      "node:",
    ],
  },
  { files: "bridge/*.ts", may: ["src/model", "src/app", "src/compose", "bridge", "zod", "node:"] },
];

interface Import {
  file: string;
  target: string;
  typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  const found: Import[] = [];
  const pattern =
    /(?:^|\n)\s*(import|export)\s+(type\s+)?[^;'"]*?from\s+["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)|(?:^|\n)import\s+["']([^"']+)["']/g;
  for (const match of text.matchAll(pattern)) {
    const raw = match[3] ?? match[4] ?? match[5];
    if (raw === undefined) continue;
    const target = raw.startsWith(".") ? normalize(join(dirname(file), raw)) : raw;
    found.push({ file, target, typeOnly: match[2] !== undefined });
  }
  return found;
}

function allows(rule: string, target: string): boolean {
  if (rule === "node:") return target.startsWith("node:");
  return target === rule || target === `${rule}.ts` || target.startsWith(`${rule}/`);
}

describe("who may import whom", () => {
  test.each(RULES)("$files", ({ files, may }) => {
    const wrong = globSync(files)
      .flatMap(importsOf)
      .filter(({ target }) => !may.some((rule) => allows(rule, target)))
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(wrong).toEqual([]);
  });

  test("the adapters take types alone from app/ports", () => {
    const wrong = globSync("src/io/**/*.ts")
      .flatMap(importsOf)
      .filter(({ target, typeOnly }) => target.startsWith("src/app/") && !typeOnly);
    expect(wrong).toEqual([]);
  });

  test("the core knows no clock, no waiting and no runtime", () => {
    const wrong = globSync("src/core/**/*.ts").filter((file) =>
      /\bawait\b|\basync\b|Date\.now|new Date\(\)|performance\.|process\.|Math\.random/.test(
        readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, ""),
      ),
    );
    expect(wrong).toEqual([]);
  });

  test("every lazy import is a plain string, so that bundlers and Deno can see it", () => {
    const wrong = globSync("{src,bridge}/**/*.ts").filter((file) =>
      /\bimport\(\s*[^"'\s)]/.test(readFileSync(file, "utf8")),
    );
    expect(wrong).toEqual([]);
  });

  test("no package is imported lazily itself: bundled as a chunk, a CommonJS one would come without its names", () => {
    const wrong = globSync("{src,bridge}/**/*.ts").filter((file) =>
      /\bimport\(\s*["'](?!\.|node:)/.test(readFileSync(file, "utf8")),
    );
    expect(wrong).toEqual([]);
  });

  test("one place alone opens a database, and the thread that helps it", () => {
    const wrong = globSync("{src,bridge}/**/*.ts").filter(
      (file) =>
        !["src/io/sqlite/database.ts", "src/io/sqlite/checkpointer.ts"].includes(file.replaceAll("\\", "/")) &&
        readFileSync(file, "utf8").includes("node:sqlite"),
    );
    expect(wrong).toEqual([]);
  });
});

const PYTHON_RULES: ReadonlyArray<{
  readonly modules: readonly string[];
  readonly never: RegExp;
  readonly because: string;
}> = [
  {
    modules: ["contract", "messages", "runtime", "bridge_client"],
    never: /^\s*(?:from|import)\s+(?:calibre|qt|PyQt)(?!_plugins)/m,
    because: "needs only the standard library",
  },
  {
    modules: [
      "library",
      "copies",
      "settle",
      "digest",
      "history",
      "device",
      "config",
      "pull",
      "push",
      "headless",
      "copy_log",
      "strip_list",
      "write_journal",
      "book_memory",
      "undo",
    ],
    never: /^\s*(?:from|import)\s+(?:qt|PyQt|calibre\.gui2)\b/m,
    because: "has no Qt widgets",
  },
  {
    modules: ["__init__"],
    never: /^(?:from|import)\s+(?:qt|PyQt|calibre\.gui2)\b/m,
    because: "is imported by every calibre tool",
  },
];

describe("what a Python module may need", () => {
  test.each(PYTHON_RULES)("$modules $because", ({ modules, never }) => {
    const wrong = globSync(modules.map((name) => `calibre_plugin/${name}.py`)).filter((file) =>
      never.test(readFileSync(file, "utf8")),
    );
    expect(wrong).toEqual([]);
  });
});
