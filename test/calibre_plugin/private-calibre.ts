/** A real calibre of a test's own: configuration, cache, temporary folder and home are private and thrown away. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
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

/** Makes the folders and installs the plugin's zip as a reader would; throws with calibre's own words when it refuses. */
export async function createPrivateCalibre({ bridge, plugin = true }: Options = {}): Promise<PrivateCalibre> {
  const folder = mkdtempSync(join(tmpdir(), "koreader-progress-"));
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

  if (plugin) {
    const zip = join(folder, "KOReaderProgress.zip");
    await buildPluginZip(zip, bridge === undefined ? {} : { bridge });
    const install = spawnSync(program("calibre-customize"), ["-a", zip], { env, encoding: "utf8", timeout: 120_000 });
    if (install.status !== 0) {
      dispose();
      throw new Error(`calibre refused the plugin: ${install.error?.message ?? install.stderr}`);
    }
  }
  return { folder, env, program, alone, dispose };
}
