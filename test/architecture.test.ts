import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";

/**
 * Which folder may import what, a line a room: folders and files of ours by path, packages by name, `node:` for the
 * runtime. A room that stands in a larger one has a line of its own, and is left out of the larger one's.
 */
const RULES: ReadonlyArray<{ readonly files: string; readonly may: readonly string[] }> = [
  { files: "src/model/**/*.ts", may: ["src/model", "zod"] },
  { files: "src/core/**/*.ts", may: ["src/model", "src/core", "spark-md5", "parse5"] },
  {
    files: "src/app/book/*.ts",
    may: ["src/model", "src/core", "src/app/ports", "src/app/book", "src/app/digest-library"],
  },
  { files: "src/app/*.ts", may: ["src/model", "src/core", "src/app"] },
  { files: "src/io/http/*.ts", may: ["src/model", "src/io/http", "node:", "undici"] },
  {
    files: "src/io/kosync/*.ts",
    may: ["src/model", "src/core", "src/app/ports", "src/io/http", "src/io/kosync", "node:", "zod"],
  },
  { files: "src/io/sqlite/*.ts", may: ["src/model", "src/app/ports", "src/io/sqlite", "node:"] },
  { files: "src/io/books/*.ts", may: ["src/model", "src/core", "src/app/ports", "src/io/books", "node:", "yauzl"] },
  { files: "src/io/*.ts", may: ["src/model", "src/core", "src/app/ports", "node:", "zod", "python-shell"] },
  {
    files: "src/server/stores/**/*.ts",
    may: [
      "src/model",
      "src/io/sqlite",
      "src/server/stores",
      "src/server/errors",
      "src/server/credentials",
      "node:",
      "redis",
      "zod",
    ],
  },
  { files: "src/server/http/*.ts", may: ["src/model", "src/core", "src/server", "node:", "fastify", "zod"] },
  {
    files: "src/server/page/*.ts",
    may: [
      "src/model",
      "src/core",
      "src/server/page",
      "src/server/http/context",
      "src/server/errors",
      "src/server/stores/store",
      "node:",
      "fastify",
      "zod",
    ],
  },
  { files: "src/server/*.ts", may: ["src/model", "src/server", "node:", "zod"] },
  { files: "src/runtime/*.ts", may: ["src/runtime", "node:"] },
  {
    files: "src/cli/*.ts",
    may: [
      "src/model",
      "src/app",
      "src/compose",
      "src/cli",
      "src/runtime",
      "bridge/contract",
      "bridge/version",
      "zod",
      "node:",
    ],
  },
  { files: "bridge/*.ts", may: ["src/model", "src/app", "src/compose", "src/runtime", "bridge", "zod", "node:"] },
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

/** The first circle in a graph, as the names along it; empty when there is none. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  function visit(name: string): string[] {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return [];
    path.push(name);
    for (const next of graph.get(name) ?? []) {
      const circle = visit(next);
      if (circle.length > 0) return circle;
    }
    path.pop();
    done.add(name);
    return [];
  }
  for (const name of graph.keys()) {
    const circle = visit(name);
    if (circle.length > 0) return circle;
  }
  return [];
}

describe("who may import whom", () => {
  test.each(RULES)("$files", ({ files, may }) => {
    const wrong = globSync(files)
      .flatMap(importsOf)
      .filter(({ target }) => !may.some((rule) => allows(rule, target)))
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(wrong).toEqual([]);
  });

  test("every module has a room, and so a rule", () => {
    const ruled = new Set(RULES.flatMap(({ files }) => globSync(files)));
    // The one place that knows everybody.
    ruled.add(join("src", "compose.ts"));
    expect(globSync("{src,bridge}/**/*.ts").filter((file) => !ruled.has(file))).toEqual([]);
  });

  test("nobody imports in a circle", () => {
    const imports = new Map(
      globSync("{src,bridge}/**/*.ts").map((file) => [file, importsOf(file).map(({ target }) => target)] as const),
    );
    expect(circleIn(imports)).toEqual([]);
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
