import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ACCOUNT_OPTIONS } from "../../src/cli/account-options.ts";

const cli = (...args: string[]): { status: number | null; stdout: string; stderr: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [resolve("dist/cli.mjs"), ...args], {
    encoding: "utf8",
    input: "",
  });
  return { status, stdout, stderr };
};

/** A command is a file with a summary; its options are what it gives `parseArgs`. */
const COMMANDS = globSync("src/cli/*.ts")
  .filter((file) => /^export const summary/m.test(readFileSync(file, "utf8")))
  .map((file) => basename(file, ".ts"))
  .toSorted();

test("without a command the list of all of them is shown, and exit 2", () => {
  const { status, stdout } = cli();
  expect(status).toBe(2);
  const listed = [...stdout.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name);
  expect(new Set(listed)).toEqual(new Set(COMMANDS));
});

test("an unknown command is named, with the list, and exit 2", () => {
  const { status, stderr } = cli("sink");
  expect(status).toBe(2);
  expect(stderr).toMatch(/^There is no command "sink"\.\n/);
});

describe.each(COMMANDS)("%s", (name) => {
  test("tells with --help what it is for and has a word for each option, and does nothing else", () => {
    const { status, stdout, stderr } = cli(name, "--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^koreader-progress ${name} `));
    const source = readFileSync(`src/cli/${name}.ts`, "utf8");
    const options = [...source.matchAll(/[ "]([a-z-]+)"?: \{ type: "(?:string|boolean)"/g)].map(([, option]) => option);
    expect(options.filter((option) => !stdout.includes(`--${option}`))).toEqual([]);
  });

  test("an option that it does not know is named, and exit 2", () => {
    const { status, stderr } = cli(name, "--nope");
    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`^${name}: .*--nope`));
  });
});

test.each(["sync", "push"])("%s has a word for each option about the account", (name) => {
  const { stdout } = cli(name, "--help");
  expect(Object.keys(ACCOUNT_OPTIONS).filter((option) => !stdout.includes(`--${option}`))).toEqual([]);
});
