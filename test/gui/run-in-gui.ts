/** Runs Python's unittest inside a real calibre window, headless, with a loopback of its own and nothing beyond it. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import type { PrivateCalibre } from "../calibre_plugin/private-calibre.ts";
import { describeOutcomes } from "../calibre_plugin/run-in-calibre.ts";

const here = import.meta.dirname;
const root = join(here, "..", "..");

interface Options {
  /** Milliseconds for the whole file. */
  timeout?: number;
  /** How many books the library holds; the first few have a real EPUB. */
  books?: number;
  /** `columns`: one for everything that can be shown. `bare`: none. */
  library?: "columns" | "bare";
  /** Where pictures go; beside everything else the test throws away, if not said. */
  shots?: string;
  env?: Record<string, string>;
}

/** Declares every test of one Python file beside this one; all of them share one calibre, in the file's order. */
export function describeInGui(file: string, options: Options = {}): void {
  const { timeout = 240_000 } = options;
  const path = join(here, file);
  describeOutcomes(
    `in calibre's window: ${file.replace(/\.py$/, "")}`,
    path,
    timeout,
    join(root, "dist", "bridge"),
    (calibre, results) => runInGui(calibre, path, results, options),
  );
}

/** Prepares the library, runs the tests of one file in calibre's window, and resolves with everything it said. */
export async function runInGui(
  calibre: PrivateCalibre,
  path: string,
  results: string,
  { timeout = 240_000, books = 8, library = "columns", shots, env: extra = {} }: Options,
): Promise<string> {
  const folder = join(calibre.folder, "library");
  const env = {
    ...calibre.env,
    TEST_FOLDER: calibre.folder,
    BOOKS: String(books),
    TEST_NODE: process.execPath,
    TEST_CLI: join(root, "dist", "cli.mjs"),
    PLUGIN_TESTS_FOLDER: join(root, "test", "calibre_plugin"),
    SHOTS_FOLDER: shots ?? process.env["KOREADER_PROGRESS_SHOTS"] ?? calibre.folder,
    GUI_TRACEBACK_AFTER: String(timeout / 1000 - 10),
    // A runtime that the plugin finds by itself.
    PATH: `${join(process.execPath, "..")}:${process.env["PATH"] ?? ""}`,
    NO_PROXY: "*",
    ...extra,
  };
  const [prepare = "", ...prepareBefore] = calibre.alone("calibre-debug");
  const prepared = spawnSync(
    prepare,
    [...prepareBefore, "-e", join(here, "prepare_library.py"), folder, String(books), library],
    { env, encoding: "utf8", timeout: 600_000 },
  );
  if (prepared.status !== 0) return `no library could be made: ${prepared.stdout}${prepared.stderr}`;

  const [command = "", ...before] = calibre.alone("calibre-debug");
  return new Promise((resolve) => {
    let said = "";
    const child = spawn(command, [...before, join(here, "run_in_gui.py"), path, results, folder], {
      env,
      cwd: calibre.folder,
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that whatever a hanging test has started ends with it.
      detached: true,
    });
    child.stdout.on("data", (data: Buffer) => (said += data.toString()));
    child.stderr.on("data", (data: Buffer) => (said += data.toString()));
    const deadline = setTimeout(() => {
      said += `\nstopped after ${timeout / 1000} s`;
      stopGroup(child.pid);
    }, timeout);
    child.on("error", (error) => (said += error.message));
    child.on("close", () => {
      clearTimeout(deadline);
      stopGroup(child.pid);
      if (process.env["KOREADER_PROGRESS_GUI_LOG"] !== undefined) process.stderr.write(said);
      resolve(said);
    });
  });
}

function stopGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Everything it started has ended already.
  }
}
