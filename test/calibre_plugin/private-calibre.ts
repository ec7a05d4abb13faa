/** A real calibre of a test's own: configuration, cache, temporary folder and home are private and thrown away. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPluginZip } from "../../scripts/plugin-zip.ts";

export interface PrivateCalibre {
  /** Everything it writes stands below this folder. */
  folder: string;
  env: NodeJS.ProcessEnv;
  /** The path of one of calibre's programs: `calibre-debug`, `calibredb` ... */
  program(name: string): string;
  /** The command that runs a program with a loopback of its own, as far as the system knows such a thing. */
  alone(name: string): string[];
  /** Deletes the folder. */
  dispose(): void;
}

interface Options {
  /** Folder to pack into the plugin as `bridge/`. */
  bridge?: string;
  /** False leaves the plugin uninstalled. */
  plugin?: boolean;
}

/** A folder for what many tests begin with; without one, as in benches, each makes its own. */
const PREPARED = process.env["KOREADER_PROGRESS_PREPARED"];
const ZIP = "KOReaderProgress.zip";

/** Makes the folders and installs the plugin's zip as a reader would; throws with calibre's own words when it refuses. */
export async function createPrivateCalibre({ bridge, plugin = true }: Options = {}): Promise<PrivateCalibre> {
  const calibre = emptyCalibre();
  try {
    if (plugin && PREPARED !== undefined) copyInstalled(await installedOnce(PREPARED, bridge), calibre.folder);
    else if (plugin) await install(calibre, bridge);
  } catch (error) {
    calibre.dispose();
    throw error;
  }
  return calibre;
}

async function install(calibre: PrivateCalibre, bridge: string | undefined): Promise<void> {
  const zip = join(calibre.folder, ZIP);
  await buildPluginZip(zip, bridge === undefined ? {} : { bridge });
  const options = { env: calibre.env, encoding: "utf8", timeout: 120_000 } as const;
  const { status, error, stderr } = spawnSync(calibre.program("calibre-customize"), ["-a", zip], options);
  if (status !== 0) throw new Error(`calibre refused the plugin: ${error?.message ?? stderr}`);
}

/** The folder of a calibre in which the plugin was installed for all tests of this run; two that are first make two. */
async function installedOnce(prepared: string, bridge: string | undefined): Promise<string> {
  const name = join(
    prepared,
    createHash("sha256")
      .update(bridge ?? "")
      .digest("hex"),
  );
  if (!existsSync(name)) {
    const calibre = emptyCalibre(prepared);
    await install(calibre, bridge);
    writeFileSync(`${name}.${process.pid}`, calibre.folder);
    renameSync(`${name}.${process.pid}`, name);
  }
  return readFileSync(name, "utf8");
}

/** Copies the zip, and what calibre has written in installing it: there it names its plugins by their paths. */
function copyInstalled(from: string, to: string): void {
  for (const name of [ZIP, "config"]) cpSync(join(from, name), join(to, name), { recursive: true });
  const known = join(to, "config", "customize.py.json");
  writeFileSync(
    known,
    readFileSync(known, "utf8").replaceAll(JSON.stringify(from).slice(1, -1), JSON.stringify(to).slice(1, -1)),
  );
}

function emptyCalibre(below = tmpdir()): PrivateCalibre {
  const folder = mkdtempSync(join(below, "koreader-progress-"));
  const inside = (name: string, mode = 0o755): string => {
    mkdirSync(join(folder, name), { recursive: true, mode });
    return join(folder, name);
  };
  inside("sys/bus/usb/devices");
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    CALIBRE_CONFIG_DIRECTORY: inside("config"),
    CALIBRE_TEMP_DIR: inside("tmp"),
    CALIBRE_CACHE_DIRECTORY: inside("cache"),
    HOME: inside("home"),
    XDG_RUNTIME_DIR: inside("run", 0o700),
    CALIBRE_OVERRIDE_LANG: "en",
    PYTHONIOENCODING: "utf-8",
    PYTHONDONTWRITEBYTECODE: "1",
    QT_QPA_PLATFORM: "offscreen",
    QTWEBENGINE_DISABLE_SANDBOX: "1",
    // calibre looks for USB devices here: a folder without any.
    SYSFS_PATH: join(folder, "sys"),
  };
  delete env["KOREADER_PROGRESS_COPY_LOGS"];
  const programs = process.env["KOREADER_PROGRESS_CALIBRE"];
  const program = (name: string): string => (programs === undefined ? name : join(programs, name));
  // calibre's single-instance locks are abstract sockets per user: two calibres collide unless each has its own network.
  // And nothing leaves loopback.
  const unshared = ["unshare", "-rn", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"];
  const alone = (name: string): string[] => [...(process.platform === "linux" ? unshared : []), program(name)];
  const dispose = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  return { folder, env, program, alone, dispose };
}
