/** Runs Python's unittest inside a real calibre, and shows each of its tests as a test of ours. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { PythonShell } from "python-shell";
import * as z from "zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPrivateCalibre } from "./private-calibre.ts";
import type { PrivateCalibre } from "./private-calibre.ts";

const here = import.meta.dirname;
const root = join(here, "..", "..");

/** How one Python test ended; `details` is its traceback or the reason for skipping it. */
const Outcome = z.strictObject({
  name: z.string(),
  outcome: z.enum(["passed", "failed", "skipped"]),
  details: z.string(),
});
type Outcome = z.infer<typeof Outcome>;

export interface PythonOptions {
  /** Milliseconds for the whole file. */
  timeout?: number;
  /** Folder to pack into the plugin as `bridge/`. */
  bridge?: string;
  /** Seen by the Python side, beside what every file is told (`TOLD`). */
  env?: Record<string, string>;
}

/** What every Python file is told: where fixtures lie, and the programs of ours that it may start. */
const TOLD: Readonly<Record<string, string>> = {
  TEST_FIXTURES: join(root, "test", "fixtures"),
  TEST_NODE: process.execPath,
  TEST_CLI: join(root, "dist", "cli.mjs"),
  TEST_BRIDGE: join(root, "dist", "bridge", "main.mjs"),
  // What stands on loopback is asked without the proxy of whoever runs this.
  NO_PROXY: "*",
};

/**
 * Declares the tests of every Python file in a room's folder, each file in a calibre of its own; `special` says by a
 * file's name what it needs beyond that.
 */
export function describeRoom(room: string, special: Readonly<Record<string, PythonOptions>> = {}): void {
  for (const file of globSync("*.py", { cwd: join(here, room) }).sort()) {
    // What has none helps the others.
    const hasTests = testsOf(readFileSync(join(here, room, file), "utf8")).length > 0;
    if (hasTests) describePython(`${room}/${file}`, special[basename(file, ".py")]);
  }
}

/** Declares every test of one Python file, named from this folder on. Call it at the top of a vitest file. */
export function describePython(file: string, { timeout = 240_000, bridge, env = {} }: PythonOptions = {}): void {
  const path = join(here, file);
  describeOutcomes("in calibre", path, timeout, bridge, (calibre, results) =>
    runPython(calibre, path, results, timeout, env),
  );
}

/**
 * Declares every test of the Python file at `path`; `run` starts calibre, which writes a line for each test into the
 * file `results`, and resolves with everything it said.
 */
export function describeOutcomes(
  where: string,
  path: string,
  timeout: number,
  bridge: string | undefined,
  run: (calibre: PrivateCalibre, results: string) => Promise<string>,
): void {
  const names = testsOf(readFileSync(path, "utf8"));

  describe(`${where}: ${basename(path, ".py")}`, () => {
    const outcomes = new Map<string, Outcome>();
    let calibre: PrivateCalibre | undefined;
    let output = "";

    beforeAll(async () => {
      calibre = await createPrivateCalibre(bridge === undefined ? {} : { bridge });
      const results = join(calibre.folder, "results.jsonl");
      output = await run(calibre, results);
      for (const line of existsSync(results) ? readFileSync(results, "utf8").split("\n") : []) {
        if (line === "") continue;
        const outcome = Outcome.parse(JSON.parse(line));
        outcomes.set(outcome.name, outcome);
      }
    }, timeout + 60_000);

    afterAll(() => calibre?.dispose());

    test.each(names)("%s", (sentence) => {
      const outcome = outcomes.get(sentence);
      if (outcome === undefined) throw new Error(`calibre ended before this test did:\n${output}`);
      if (outcome.outcome === "failed") throw new Error(outcome.details);
      expect(outcome.outcome).toBe("passed");
    });

    test("nothing ran that is not listed here", () => {
      expect([...outcomes.keys()].filter((name) => !names.includes(name))).toEqual([]);
    });
  });
}

/** The names of the tests as sentences, in the order of the file. */
function testsOf(source: string): string[] {
  const names = [...source.matchAll(/^ +def test_(\w+)\(/gm)].map((match) => (match[1] ?? "").replaceAll("_", " "));
  if (new Set(names).size !== names.length) throw new Error("two tests of one file share a name");
  return names;
}

/** Resolves with everything the process wrote, also when it failed or was stopped for being late. */
function runPython(
  calibre: PrivateCalibre,
  path: string,
  results: string,
  timeout: number,
  extra: Record<string, string>,
): Promise<string> {
  return new Promise((resolve) => {
    const lines: string[] = [];
    const report = join(calibre.folder, "report.txt");
    const [command = "", ...before] = calibre.alone("calibre-debug");
    const shell = new PythonShell(join(here, "run_tests.py"), {
      pythonPath: command,
      pythonOptions: [...before, "-e"],
      args: [path, results],
      env: { ...calibre.env, ...TOLD, ...extra, TEST_FOLDER: calibre.folder, TEST_REPORT: report },
      cwd: calibre.folder,
      // A group of its own, so that whatever a hanging test has started ends with it.
      detached: process.platform !== "win32",
    });
    const deadline = setTimeout(() => {
      lines.push(`stopped after ${timeout / 1000} s`);
      stop(shell.childProcess.pid);
    }, timeout);
    shell.on("message", (line: string) => lines.push(line));
    shell.on("stderr", (line: string) => lines.push(line));
    shell.on("error", (error) => lines.push(error.message));
    shell.end((error) => {
      clearTimeout(deadline);
      if (error) lines.push(error.message);
      // How much was found is worth seeing, not only that it is enough.
      if (existsSync(report)) process.stdout.write(readFileSync(report, "utf8"));
      resolve(lines.join("\n"));
    });
  });
}

function stop(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
}
