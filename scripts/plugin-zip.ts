/** Packs calibre_plugin/ into the zip that calibre installs: the same sources give the same bytes. */
import { createWriteStream, existsSync, globSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { ZipFile } from "yazl";
import { compileCatalogue } from "./catalogue.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const LEFT_OUT = /(?:^|\/)(?:__pycache__|\.[^/]*)(?:\/|$)|^images\/source\/|\.(?:pyc|po|pot)$/;
// Zip entries hold local time without a zone: the same calendar day everywhere.
const PACKED_ON = new Date(1980, 0, 1);

interface PluginZipOptions {
  /** Folder whose files are packed as `bridge/`; left out when it does not exist. */
  bridge?: string;
  /** Further files, as they are, by their path in the zip. */
  extra?: ReadonlyArray<{ name: string; bytes: Buffer }>;
  /** calibre's word for the only system that this zip is for. */
  system?: "windows" | "osx" | "linux";
  /** The https folder that a runtime is fetched from, for a zip of other people's or a test's; the project's own if not said. */
  releases?: string;
}

/** Writes the installable plugin to `destination`; throws when a translation cannot be compiled. */
export async function buildPluginZip(destination: string, options: PluginZipOptions = {}): Promise<void> {
  const { bridge, extra = [], system, releases } = options;
  const files = [
    ...filesBelow(join(root, "calibre_plugin"), "").map((file) => forReleases(forSystem(file, system), releases)),
    ...filesBelow(join(root, "calibre_plugin"), "", "**/*.po").map(compileTranslation),
    ...filesBelow(root, "help/", "CHANGELOG.md"),
    ...(bridge !== undefined && existsSync(bridge) ? filesBelow(bridge, "bridge/") : []),
    ...extra,
  ];
  const zip = new ZipFile();
  for (const { name, bytes } of files.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    zip.addBuffer(bytes, name, { mtime: PACKED_ON, mode: 0o100644, forceDosTimestamp: true, compressionLevel: 9 });
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

const SYSTEMS = /^ {4}supported_platforms = \[.*\]$/m;

/** calibre reads from the plugin's own class where it may be installed, and refuses it elsewhere. */
function forSystem(file: PackedFile, system: string | undefined): PackedFile {
  if (system === undefined || file.name !== "__init__.py") return file;
  const source = file.bytes.toString();
  if (!SYSTEMS.test(source)) throw new Error("the plugin does not say which systems it is for");
  return { ...file, bytes: Buffer.from(source.replace(SYSTEMS, `    supported_platforms = ["${system}"]`)) };
}

const ADDRESS = /^RELEASE_ADDRESS: Final = ".*"$/m;

function forReleases(file: PackedFile, releases: string | undefined): PackedFile {
  if (releases === undefined || file.name !== "link/release.py") return file;
  const source = file.bytes.toString();
  if (!ADDRESS.test(source)) throw new Error("the plugin does not say where it is published");
  return {
    ...file,
    bytes: Buffer.from(source.replace(ADDRESS, `RELEASE_ADDRESS: Final = ${JSON.stringify(releases)}`)),
  };
}

function compileTranslation({ name, bytes }: PackedFile): PackedFile {
  try {
    return { name: name.replace(/\.po$/, ".mo"), bytes: compileCatalogue(bytes) };
  } catch (error) {
    throw new Error(`${name} is no catalogue`, { cause: error });
  }
}
