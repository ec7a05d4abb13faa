/** Starts calibre for a command. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { CalibreLibrary } from "../app/ports.ts";
import { openCalibre } from "../compose.ts";
import { Refused } from "./sentences.ts";

/** Real calibre without a window; what it and other plugins print goes to stderr. */
export function startCalibre(): Promise<CalibreLibrary> {
  return openCalibre(folderOfBuild(), (line) => process.stderr.write(`${line}\n`));
}

/** dist/, where the plugin's zip and the script for calibre stand beside this program. */
function folderOfBuild(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const folder = [here, join(here, ".."), join(here, "../../dist")].find((path) =>
    existsSync(join(path, "koreader-progress.zip")),
  );
  if (folder === undefined) throw new Refused("The plugin's zip is missing beside this program: run npm run build.");
  return folder;
}
