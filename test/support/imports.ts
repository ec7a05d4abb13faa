/** Which module imports which, read from the sources of both languages. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export interface Import {
  readonly file: string;
  /** A path of ours from the root on, or the name of a package. */
  readonly target: string;
  readonly typeOnly: boolean;
}

/** The plugin's folder, and its modules from the root on. */
export const PLUGIN = "calibre_plugin";
export const modules = globSync(`${PLUGIN}/**/*.py`).map((file) => file.replaceAll("\\", "/"));

/** The room of one of the plugin's modules; empty at its root. */
export const roomOf = (file: string): string => dirname(file).slice(PLUGIN.length + 1);

/** What a TypeScript file imports. */
export function importsOf(file: string): Import[] {
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

/** The modules of the plugin that one of them imports, as files; a name that no file answers to is given as it is. */
export function pythonImports(file: string): string[] {
  const found: string[] = [];
  const source = readFileSync(file, "utf8");
  for (const [, dots = "", path = "", names = ""] of source.matchAll(
    /^[ \t]*from (\.+)([\w.]*) import (\([^)]*\)|[^\n]*)/gm,
  )) {
    const folder = join(
      dirname(file),
      ...Array<string>(dots.length - 1).fill(".."),
      ...path.split(".").filter(Boolean),
    );
    if (path !== "" && existsSync(`${folder}.py`)) {
      found.push(`${folder}.py`);
      continue;
    }
    for (const name of names.replaceAll(/[()]|#.*|\bas \w+/g, "").split(",")) {
      if (name.trim() !== "") found.push(join(folder, `${name.trim()}.py`));
    }
  }
  return found.map((path) => path.replaceAll("\\", "/"));
}
