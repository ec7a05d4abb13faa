/** Builds dist/: the command line, the bridge (a tiny entry and lazy chunks), the installable plugin zip. */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { build, type BuildOptions } from "esbuild";
import * as z from "zod";
import { keepBundled } from "./packages/contents.ts";
import { buildPluginZip } from "./plugin-zip.ts";

const { version } = z.object({ version: z.string() }).parse(JSON.parse(readFileSync("package.json", "utf8")));

/** CommonJS inside an ES module still asks for these names. */
const BANNER = [
  'import { createRequire as __createRequire } from "node:module";',
  'import { fileURLToPath as __fileURLToPath } from "node:url";',
  'import { dirname as __folderOf } from "node:path";',
  "const require = __createRequire(import.meta.url);",
  "const __filename = __fileURLToPath(import.meta.url);",
  "const __dirname = __folderOf(__filename);",
].join("\n");

const common = {
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22.19",
  minify: true,
  legalComments: "linked",
  outExtension: { ".js": ".mjs" },
  define: { __VERSION__: JSON.stringify(version) },
  metafile: true,
  logLevel: "warning",
} satisfies BuildOptions;

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist", { recursive: true });
const bridge = await build({
  ...common,
  entryPoints: { main: "bridge/main.ts" },
  // The server in calibre's window keeps its positions in a file: Redis is for servers of many machines.
  external: ["redis"],
  outdir: "dist/bridge",
  chunkNames: "chunks/[name]-[hash]",
  banner: { js: BANNER },
});
const cli = await build({
  ...common,
  entryPoints: { cli: "src/cli/main.ts" },
  outdir: "dist",
  chunkNames: "cli/[name]-[hash]",
  banner: { js: BANNER },
});
keepBundled([bridge.metafile, cli.metafile]);
// Installed by npm it is started by its first line.
chmodSync("dist/cli.mjs", 0o755);
await buildPluginZip("dist/koreader-progress.zip", { bridge: "dist/bridge" });
// calibre-debug runs a file, not a zip's member: this one loads the rest from the zip.
copyFileSync("calibre_plugin/run_headless.py", "dist/run_headless.py");
