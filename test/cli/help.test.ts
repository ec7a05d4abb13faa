import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ACCOUNT_OPTIONS } from "../../src/cli/account-options.ts";
import { STORE_OPTIONS } from "../../src/cli/store-options.ts";
import { ColumnField, ConflictPolicy } from "../../src/model/profile.ts";

const cli = (...args: string[]): { status: number | null; stdout: string; stderr: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [resolve("dist/cli.mjs"), ...args], {
    encoding: "utf8",
    input: "",
  });
  return { status, stdout, stderr };
};

/** Options that several commands have, under the name by which a command takes them. */
const SHARED: readonly (readonly [string, readonly string[]])[] = [
  ["ACCOUNT_OPTIONS", Object.keys(ACCOUNT_OPTIONS)],
  ["STORE_OPTIONS", Object.keys(STORE_OPTIONS)],
];

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
  test("tells with --help what it is for, a line for each option and an example, and does nothing else", () => {
    const { status, stdout, stderr } = cli(name, "--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^koreader-progress ${name} `));
    const source = readFileSync(`src/cli/${name}.ts`, "utf8");
    const options = [...source.matchAll(/[ "]([a-z-]+)"?: \{ type: "(?:string|boolean)"/g)].map(([, option]) => option);
    const shared = SHARED.flatMap(([sign, keys]) => (source.includes(`...${sign}`) ? keys : []));
    const lines = new Set([...stdout.matchAll(/^ {2}--([a-z-]+)(?: .*)? {2,}\S/gm)].map(([, option]) => option));
    expect([...options, ...shared].filter((option) => !lines.has(option))).toEqual([]);
    expect(stdout).toMatch(new RegExp(`\nExamples?:\n {2}koreader-progress ${name} `));
  });

  test("an option that it does not know is named, and exit 2", () => {
    const { status, stderr } = cli(name, "--nope");
    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`^${name}: .*--nope`));
  });
});

test.each([
  ["log", "--format WHICH           csv (default) or json"],
  ["annotations", "--format WHICH           with list: md (default), json or csv"],
  ["position", "--to WHICH               cfi (calibre's viewer), xpointer (KOReader) or words"],
  ["sync", `--policy WHICH           decides conflicts: ${ConflictPolicy.options.join(", ")}`],
  ["sync", `fields: ${ColumnField.options.join(", ")}`],
  ["sync", "--matching WHICH         binary, filename or both (default)"],
  ["serve", "--registration WHICH     closed (default) or open"],
  ["serve", "--log LEVEL              off, error, info (default) or debug"],
])("%s says what it takes: %s", (name, line) => {
  expect(cli(name, "--help").stdout).toContain(line);
});
