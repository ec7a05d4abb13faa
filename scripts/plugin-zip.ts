/** Packs calibre_plugin/ into the zip that calibre installs: the same sources give the same bytes. */
import { createWriteStream, existsSync, globSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { ZipFile } from "yazl";
import { compileCatalogue } from "./catalogue.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const LEFT_OUT = /(?:^|\/)(?:__pycache__|\.[^/]*)(?:\/|$)|\.(?:pyc|po|pot)$/;
// Zip entries hold local time without a zone: the same calendar day everywhere.
const PACKED_ON = new Date(1980, 0, 1);

interface PluginZipOptions {
  /** Folder whose files are packed as `bridge/`; left out when it does not exist. */
  bridge?: string;
}

/** Writes the installable plugin to `destination`; throws when a translation cannot be compiled. */
export async function buildPluginZip(destination: string, { bridge }: PluginZipOptions = {}): Promise<void> {
  const files = [
    ...filesBelow(join(root, "calibre_plugin"), ""),
    ...filesBelow(join(root, "calibre_plugin"), "", "**/*.po").map(compileTranslation),
    ...filesBelow(root, "help/", "CHANGELOG.md"),
    ...(bridge !== undefined && existsSync(bridge) ? filesBelow(bridge, "bridge/") : []),
  ];
  const zip = new ZipFile();
  for (const { name, bytes } of files.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    zip.addBuffer(bytes, name, { mtime: PACKED_ON, mode: 0o100644, forceDosTimestamp: true });
  }
  zip.end();
  mkdirSync(dirname(destination), { recursive: true });
  // calibre may be reading the old zip, and two builds may run at once.
  const unfinished = `${destination}.${process.pid}.part`;
  await pipeline(zip.outputStream, createWriteStream(unfinished));
  renameSync(unfinished, destination);
}

interface PackedFile {
  name: string;
  bytes: Buffer;
}

function filesBelow(folder: string, prefix: string, pattern = "**/*"): PackedFile[] {
  return globSync(pattern, { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({
      path,
      inside: path
        .slice(folder.length + 1)
        .split(sep)
        .join("/"),
    }))
    .filter(({ inside }) => pattern !== "**/*" || !LEFT_OUT.test(inside))
    .map(({ path, inside }) => ({ name: prefix + inside, bytes: readFileSync(path) }));
}

function compileTranslation({ name, bytes }: PackedFile): PackedFile {
  try {
    return { name: name.replace(/\.po$/, ".mo"), bytes: compileCatalogue(bytes) };
  } catch (error) {
    throw new Error(`${name} is no catalogue`, { cause: error });
  }
}
