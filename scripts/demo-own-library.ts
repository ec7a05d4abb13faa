/** `npm start -- --library DIR --url URL --user NAME [--column FIELD=#COL ...] [--write]`: a dry run unless `--write`. */
import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** Runs the built command line on the reader's own library; resolves with its exit code. */
export async function showOnOwnLibrary(args: readonly string[]): Promise<number> {
  const writes = args.includes("--write");
  const passed = args.filter((arg) => arg !== "--write" && arg !== "--password-stdin");
  const password = process.stdin.isTTY ? await askHidden("Password: ") : null;
  const child = spawn(
    process.execPath,
    ["dist/cli.mjs", "sync", ...passed, "--password-stdin", "--explain", ...(writes ? [] : ["--dry-run"])],
    { stdio: [password === null ? "inherit" : "pipe", "inherit", "inherit"] },
  );
  if (password !== null) child.stdin?.end(password);
  const status = await new Promise<number>((done) => child.on("close", (code) => done(code ?? 1)));
  if (!writes && status !== 2) process.stdout.write("This was a dry run: nothing was written. Add --write to write.\n");
  return status;
}

async function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  const answer = await lines.question("");
  lines.close();
  process.stderr.write("\n");
  return answer;
}
