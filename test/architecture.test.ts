import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { drawing, floorsOf } from "./support/floors.ts";
import { importsOf, modules, PLUGIN, pythonImports, roomOf } from "./support/imports.ts";
import { spreadsIn } from "./support/spreads.ts";

/**
 * Which folder may import what, a line a room: folders and files of ours by path, packages by name, `node:` for the
 * runtime. A room that stands in a larger one has a line of its own, and is left out of the larger one's.
 */
const RULES: ReadonlyArray<{ readonly files: string; readonly may: readonly string[] }> = [
  { files: "src/model/**/*.ts", may: ["src/model", "zod"] },
  { files: "src/core/**/*.ts", may: ["src/model", "src/core", "spark-md5", "parse5", "uuid"] },
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
      "src/server/claim",
      "src/server/errors",
      "src/server/foreign",
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

  test("no call is given as many arguments as a list has entries: an engine takes some 60,000", () => {
    expect(globSync("{src,bridge}/**/*.ts").flatMap((file) => spreadsIn(file))).toEqual([]);
    const told = spreadsIn(
      "sample",
      "f(1, ...[a, b]); function g(...x) { f(...x); }\nf(...x);\nnew F(...x.y);\nf.apply(1, x)",
    );
    expect(told).toEqual(["sample:2", "sample:3", "sample:4"]);
  });

  test("no package is imported lazily itself: bundled as a chunk, a CommonJS one would come without its names", () => {
    const wrong = globSync("{src,bridge}/**/*.ts").filter((file) =>
      /\bimport\(\s*["'](?!\.|node:)/.test(readFileSync(file, "utf8")),
    );
    expect(wrong).toEqual([]);
  });

  test("one place alone opens a database of ours, and the thread that helps it, and one reads KOReader's", () => {
    const wrong = globSync("{src,bridge}/**/*.ts").filter(
      (file) =>
        !/sqlite\/(database|checkpointer|statistics)\.ts$/.test(file.replaceAll("\\", "/")) &&
        readFileSync(file, "utf8").includes("node:sqlite"),
    );
    expect(wrong).toEqual([]);
  });
});

/** The plugin's rooms, and which rooms each may import: those on lower lines; two on one line do not know each other. */
const ROOMS: ReadonlyArray<{ readonly room: string; readonly may: readonly string[] }> = [
  { room: "copies", may: [] },
  { room: "link", may: [] },
  { room: "library", may: ["copies", "link"] },
  { room: "words", may: ["copies", "link"] },
  { room: "memory", may: ["library", "words", "copies", "link"] },
  { room: "settings", may: ["library", "words", "copies", "link"] },
  { room: "devices", may: ["memory", "settings", "library", "words", "copies", "link"] },
  { room: "sync", may: ["devices", "memory", "settings", "library", "words", "copies", "link"] },
  { room: "moving", may: ["sync", "devices", "memory", "settings", "library", "words", "copies", "link"] },
  { room: "content_server", may: ["sync", "settings", "link", "copies"] },
  { room: "window/parts", may: ["sync", "devices", "memory", "settings", "library", "words", "copies", "link"] },
  {
    room: "window/review",
    may: ["window/parts", "sync", "devices", "memory", "settings", "library", "words", "copies", "link"],
  },
  {
    room: "window/preferences",
    may: ["window/parts", "moving", "sync", "devices", "memory", "settings", "library", "words", "copies", "link"],
  },
  {
    room: "window/welcome",
    may: [
      "window/preferences",
      "window/parts",
      "moving",
      "sync",
      "devices",
      "memory",
      "settings",
      "library",
      "words",
      "copies",
      "link",
    ],
  },
  {
    room: "window/runs",
    may: [
      "window/review",
      "window/parts",
      "sync",
      "devices",
      "memory",
      "settings",
      "library",
      "words",
      "copies",
      "link",
    ],
  },
  {
    room: "window",
    may: [
      "window/welcome",
      "content_server",
      "window/runs",
      "window/review",
      "window/preferences",
      "window/parts",
      "sync",
      "devices",
      "memory",
      "settings",
      "library",
      "words",
      "copies",
      "link",
    ],
  },
];

/** What may lie at the plugin's root: what calibre asks for by name, and the entrances. */
const AT_THE_ROOT = ["__init__", "action", "headless", "preload", "run_headless"];

/** Whether a path without its ending is a module or a package. */
const there = (path: string): boolean => existsSync(`${path}.py`) || existsSync(join(path, "__init__.py"));

/** Whether a module defines a name, or has imported it. */
function defines(file: string, name: string): boolean {
  const pattern = new RegExp(
    String.raw`^\s*(?:(?:async )?def|class) ${name}\b|^[\w, ]*\b${name}\b[\w, ]*[:=,]|\bimport\b.*\b${name}\b`,
    "m",
  );
  return pattern.test(readFileSync(file, "utf8"));
}

describe("who may import whom in the plugin", () => {
  test("only the entrances lie at its root", () => {
    const root = modules.filter((file) => roomOf(file) === "").map((file) => basename(file, ".py"));
    expect(root.sort()).toEqual(AT_THE_ROOT);
  });

  test("every module has a room, and every room says what it is", () => {
    const rooms = new Set(modules.map(roomOf).filter((room) => room !== ""));
    expect([...rooms].sort()).toEqual(ROOMS.map(({ room }) => room).sort());
    for (const room of rooms) expect(readFileSync(join(PLUGIN, room, "__init__.py"), "utf8")).toMatch(/^"""/);
  });

  test.each(ROOMS)("$room", ({ room, may }) => {
    const allowed = new Set([room, ...may]);
    const wrong = modules
      .filter((file) => roomOf(file) === room)
      .flatMap((file) =>
        pythonImports(file)
          .filter((target) => !allowed.has(roomOf(target)) || !existsSync(target))
          .map((target) => `${file} imports ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  test("a label of Qt's own, which takes for markup what looks like it, is made in one place alone", () => {
    const wrong = modules.filter(
      (file) => !file.endsWith("window/parts/text.py") && /\bQLabel\(/.test(readFileSync(file, "utf8")),
    );
    expect(wrong).toEqual([]);
  });

  test("what tests and benches name of it is there", () => {
    const wrong = globSync("{test,bench}/**/*.py").flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/calibre_plugins\.koreader_progress((?:\.\w+)*)(?: import (\w+))?/g)]
        .map(([, path = "", name = ""]) => ({ path: join(PLUGIN, ...path.split(".")), name }))
        .filter(({ path, name }) => !there(path) || (existsSync(path) && name !== "" && !there(join(path, name))))
        .map(({ path, name }) => `${file} imports ${name} of ${path}`),
    );
    expect(wrong).toEqual([]);
  });

  test("what is imported by name is defined where it is said to be", () => {
    // Type checkers are told to overlook names that they do not find: calibre has many that they cannot see.
    const wrong = modules.flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/^[ \t]*from (\.+)([\w.]+) import (\([^)]*\)|[^\n]*)/gm)].flatMap(
        ([, dots = "", path = "", names = ""]) => {
          const target = `${join(dirname(file), ...Array<string>(dots.length - 1).fill(".."), ...path.split("."))}.py`;
          if (!existsSync(target)) return [];
          return names
            .replaceAll(/[()]|#.*|\bas \w+/g, "")
            .split(",")
            .map((name) => name.trim())
            .filter((name) => name !== "" && !defines(target, name))
            .map((name) => `${file} imports ${name} of ${target}`);
        },
      ),
    );
    expect(wrong).toEqual([]);
  });

  test("nobody imports in a circle", () => {
    expect(circleIn(new Map(modules.map((file) => [file, pythonImports(file)] as const)))).toEqual([]);
  });

  test("Qt lives in the window and at its entrance, nowhere else", () => {
    const wrong = modules.filter(
      (file) =>
        !roomOf(file).startsWith("window") &&
        !["action", "preload"].includes(basename(file, ".py")) &&
        /^\s*(?:from|import)\s+(?:qt|PyQt|calibre\.gui2)\b/m.test(readFileSync(file, "utf8")),
    );
    expect(wrong).toEqual([]);
  });

  test("the way to the bridge and the sentences need nothing of calibre, but for what starts a bridge in it", () => {
    const wrong = modules.filter(
      (file) =>
        ["link", "words"].includes(roomOf(file)) &&
        file !== `${PLUGIN}/link/host.py` &&
        /^(?:from|import)\s+calibre(?!_plugins)/m.test(readFileSync(file, "utf8")),
    );
    expect(wrong).toEqual([]);
  });

  test("what every calibre tool imports is there in no time: it imports none of its rooms before it is asked", () => {
    expect(readFileSync(`${PLUGIN}/__init__.py`, "utf8")).not.toMatch(/^(?:from|import) +\./m);
  });
});

describe("the house as it is drawn", () => {
  test("a room stands above all that it imports, and beside what imports it in turn", () => {
    const rooms = new Map(
      Object.entries({
        roof: ["left", "right"],
        left: ["floor"],
        right: ["wing"],
        wing: ["right", "floor"],
        floor: [],
      }).map(([room, below]) => [room, new Set(below)] as const),
    );
    expect(floorsOf(rooms)).toEqual([["roof"], ["left", "right", "wing"], ["floor"]]);
  });

  test("docs/architecture.md draws the house as it stands: else `WRITE_DOCS=1 npx vitest run test/architecture.test.ts`", () => {
    const file = "docs/architecture.md";
    const text = readFileSync(file, "utf8");
    const [before, after] = [text.split("<!-- house -->\n")[0] ?? "", text.split("<!-- end of house -->")[1] ?? ""];
    const made = `${before}<!-- house -->\n\n\`\`\`\n${drawing()}\n\`\`\`\n\n<!-- end of house -->${after}`;
    if (process.env["WRITE_DOCS"] === "1") writeFileSync(file, made);
    expect(readFileSync(file, "utf8")).toBe(made);
  });
});
