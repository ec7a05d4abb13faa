/** From spawn to the answer to hello, against a bare runtime that answers one line: the floor of any child process. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CONTRACT_VERSION } from "../bridge/version.ts";

const RUNS = 30;
const BIN = resolve("node_modules/.bin");
const DENO = "run --no-config --no-lock --cached-only --no-prompt --allow-read --allow-env --allow-sys".split(" ");
const FLOOR = `import process from "node:process";
process.stdin.once("data", () => { process.stdout.write("{}\\n"); process.exit(0); });`;
const HELLO = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "bridge/hello",
  params: { contract: CONTRACT_VERSION, plugin: "0", cache_folder: null },
});

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cold-start-"));
  writeFileSync(join(folder, "floor.mjs"), FLOOR);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Milliseconds until the first line arrives. */
function timeOnce([program = "", ...args]: readonly string[]): Promise<number> {
  return new Promise((done) => {
    const started = performance.now();
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    child.stdout.once("data", () => {
      const took = performance.now() - started;
      child.stdin.end();
      child.once("close", () => done(took));
    });
    child.stdin.write(`${HELLO}\n`);
  });
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

test.each([
  { name: "Node", command: [join(BIN, "node")] },
  { name: "Deno", command: [join(BIN, "deno"), ...DENO] },
])("cold start under $name", async ({ name, command }) => {
  const ours: number[] = [];
  const floor: number[] = [];
  // In turns, so that both see the same moods of the machine; the first pair warms the disk and is not counted.
  for (let run = 0; run <= RUNS; run++) {
    const own = await timeOnce([...command, resolve("dist/bridge/main.mjs")]);
    const bare = await timeOnce([...command, join(folder, "floor.mjs")]);
    expect(own).toBeGreaterThan(0);
    if (run > 0) {
      ours.push(own);
      floor.push(bare);
    }
  }
  const ratio = median(ours.map((time, index) => time / (floor[index] ?? Number.NaN)));
  console.log(
    `${name}: hello after ${median(ours).toFixed(1)} ms, bare runtime ${median(floor).toFixed(1)} ms, ratio ${ratio.toFixed(2)} (medians of ${RUNS} pairs)`,
  );
});
