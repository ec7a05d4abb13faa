#!/usr/bin/env node
/** The command `koreader-progress`: finds the command named by the first word and runs it. */
import process from "node:process";
import { quietSqlite } from "../runtime/quiet-sqlite.ts";
import { runtimeComplaint } from "../runtime/runtime-needed.ts";
import { orSentence } from "./sentences.ts";

interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `--help` says beyond that line. */
  readonly help?: string;
  /** Resolves with the exit code. */
  readonly run: (args: string[]) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  sync: () => import("./sync.ts"),
  devices: () => import("./devices.ts"),
  push: () => import("./push.ts"),
  move: () => import("./move.ts"),
  log: () => import("./log.ts"),
  annotations: () => import("./annotations.ts"),
  copies: () => import("./copies.ts"),
  link: () => import("./link.ts"),
  unlink: () => import("./unlink.ts"),
  doctor: () => import("./doctor.ts"),
  digest: () => import("./digest.ts"),
  position: () => import("./position.ts"),
  serve: () => import("./serve.ts"),
  health: () => import("./health.ts"),
  user: () => import("./user.ts"),
  backup: () => import("./backup.ts"),
  restore: () => import("./restore.ts"),
  import: () => import("./import.ts"),
};

async function usage(): Promise<string> {
  const lines = await Promise.all(Object.values(COMMANDS).map(async (load) => `  ${(await load()).summary}`));
  return `koreader-progress COMMAND ...\n\n${lines.join("\n")}\n\nCOMMAND --help tells more.\n`;
}

/** `--help` or `-h` among the options; after `--` they are names like any other. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end === -1 ? args : args.slice(0, end)).some((arg) => arg === "--help" || arg === "-h");
}

async function main([name = "", ...args]: string[]): Promise<number> {
  const complaint = runtimeComplaint();
  if (complaint !== null) {
    process.stderr.write(`${complaint}\n`);
    return 2;
  }
  if (["", "help", "--help", "-h"].includes(name)) {
    process.stdout.write(await usage());
    return name === "" ? 2 : 0;
  }
  if (name === "--version") {
    const { VERSION } = await import("../../bridge/version.ts");
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    process.stderr.write(`There is no command "${name}".\n\n${await usage()}`);
    return 2;
  }
  const command = await load();
  if (asksForHelp(args)) {
    process.stdout.write(`koreader-progress ${command.summary}\n${command.help ?? ""}`);
    return 0;
  }
  try {
    return await orSentence(() => command.run(args));
  } catch (error) {
    if (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")) {
      process.stderr.write(`${name}: ${error.message}\n`);
      return 2;
    }
    throw error;
  }
}

quietSqlite();
// A pipe that closes early (`| head`) is no fault.
process.stdout.on("error", () => process.exit(0));
process.exitCode = await main(process.argv.slice(2));
