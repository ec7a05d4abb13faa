import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { hash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCredentials } from "../src/server/credentials.ts";
import { openStore } from "../src/server/listen.ts";
import { measure } from "./support/load.ts";
import type { Outcome } from "./support/load.ts";

const CONNECTIONS = 32;
const USERS = 100;
const SMALL = 10_000;
const LARGE = 1_000_000;
const WARM_UP = 30_000;
// Many short rounds: what else runs beside the machine comes and goes by the second, and shall meet all alike.
const REQUESTS = 4000;
const ROUNDS = 15;
// A process may compile its code well or badly for the whole of its life, the bare route's too.
const STARTS = 3;
const KEY = "0123456789abcdef0123456789abcdef";

interface Target {
  readonly name: string;
  readonly port: number;
  readonly documents: number;
  memory(): number;
  end(): Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), "kosync-bench-"));

/** Of a process, where the system tells it as Linux does. */
function residentMegabytes(pid: number | undefined): number {
  const status = process.platform === "linux" ? readFileSync(`/proc/${pid}/status`, "utf8") : "";
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}

async function end(child: ChildProcess): Promise<void> {
  const hasEnded = child.exitCode !== null || child.signalCode !== null;
  if (!hasEnded && child.kill("SIGTERM")) await once(child, "exit");
}

function start(name: string, documents: number, args: readonly string[]): Promise<Target> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code}`)));
    child.stdout.once("data", (chunk: Buffer) => {
      child.removeAllListeners("exit");
      const port = Number(new URL(chunk.toString().trim()).port);
      const memory = (): number => residentMegabytes(child.pid);
      resolve({ name, port, documents, memory, end: () => end(child) });
    });
  });
}

const idOf = (index: number): string => hash("md5", String(index));

function position(index: number, turn: number): object {
  return {
    document: idOf(index),
    progress: `/body/DocFragment[11]/body/div/p[${turn % 1000}]/text().123`,
    percentage: (turn % 10_000) / 10_000,
    device: "Kobo Libra 2",
    device_id: "8E0F6A2C5D1B4C3A",
  };
}

/** A database with so many documents, spread over the users. */
async function fill(data: string, documents: number): Promise<void> {
  mkdirSync(data);
  const store = await openStore({ data });
  const credentials = createCredentials({ verbatim: false, cost: { N: 16, r: 1, p: 1 } });
  const kept = await Promise.all(
    Array.from({ length: USERS }, async (_, user) => {
      const credential = await credentials.make(KEY);
      await store.createUser(`user${user}`, credential);
      return credential;
    }),
  );
  const rest = { timestamp: 1_700_000_000, metadata: null, identifiers: null };
  for (let index = 0; index < documents; index += 5000) {
    await Promise.all(
      Array.from({ length: 5000 }, (_, offset) => {
        const number = index + offset;
        const { document, progress, percentage, device, device_id } = Object.assign(
          { document: "", progress: "", percentage: 0, device: "", device_id: "" },
          position(number, number),
        );
        const write = { document, progress, percentage, device, device_id, ...rest };
        return store.write(`user${number % USERS}`, kept[number % USERS] ?? "", write);
      }),
    );
  }
  await store.close();
}

beforeAll(async () => {
  await fill(join(folder, "small"), SMALL);
  await fill(join(folder, "large"), LARGE);
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const serve = ["dist/cli.mjs", "serve", "--port", "0", "--log", "off", "--data"];
const SERVERS = [
  ["bare fastify", SMALL, ["bench/support/bare-fastify.ts"]],
  ["10,000 documents", SMALL, [...serve, join(folder, "small")]],
  ["1,000,000 documents", LARGE, [...serve, join(folder, "large")]],
] as const;
// What durability alone would leave of the bare route: no accounts, no checks, no history.
const FLOORS = (["file", "sqlite"] as const).map(
  (kind) => [`bare fastify that syncs a ${kind}`, SMALL, ["bench/support/bare-durable.ts", kind, folder]] as const,
);

/** A document as far from the last one as can be, so that no page is warm by accident. */
const pick = (turn: number, documents: number): number => (turn * 7919) % documents;

function head(index: number): string {
  const login = `x-auth-user: user${index % USERS}\r\nx-auth-key: ${KEY}\r\n`;
  return `host: localhost\r\naccept: application/vnd.koreader.v1+json\r\n${login}`;
}

const REQUEST = {
  PUT(turn: number, documents: number): string {
    const index = pick(turn, documents);
    const body = JSON.stringify(position(index, turn));
    const type = `content-type: application/json\r\ncontent-length: ${body.length}\r\n`;
    return `PUT /syncs/progress HTTP/1.1\r\n${head(index)}${type}\r\n${body}`;
  },
  GET(turn: number, documents: number): string {
    const index = pick(turn, documents);
    return `GET /syncs/progress/${idOf(index)} HTTP/1.1\r\n${head(index)}\r\n`;
  },
} as const;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const rate = ({ rate }: Outcome): number => rate;
const p99 = ({ p99 }: Outcome): number => p99;

/** Round by round, so that what else the machine does meets both alike. */
function ratio(a: readonly Outcome[], b: readonly Outcome[], of: (outcome: Outcome) => number): number {
  return median(a.map((outcome, round) => of(outcome) / of(b[round] ?? outcome)));
}

let turn = 0;
function run(target: Target, method: keyof typeof REQUEST, requests: number): Promise<Outcome> {
  const from = turn;
  turn += requests;
  const request = (index: number): string => REQUEST[method](from + index, target.documents);
  return measure({ port: target.port, connections: CONNECTIONS, requests, request });
}

/** What each of `asked` did in each round, and the memory it held after the last. */
async function race(
  asked: readonly (readonly [string, number, readonly string[]])[],
  method: keyof typeof REQUEST,
): Promise<{ outcomes: Outcome[][]; memory: number[] }> {
  const outcomes = asked.map((): Outcome[] => []);
  let memory: number[] = [];
  for (let begun = 0; begun < STARTS; begun++) {
    const targets: Target[] = [];
    try {
      for (const [name, documents, args] of asked) targets.push(await start(name, documents, args));
      for (const target of targets) await run(target, method, WARM_UP);
      for (let round = 0; round < ROUNDS; round++) {
        for (const [index, target] of targets.entries()) {
          const outcome = await run(target, method, REQUESTS);
          expect(outcome.statuses).toEqual({ 200: REQUESTS });
          outcomes[index]?.push(outcome);
        }
      }
      memory = targets.map((target) => target.memory());
    } finally {
      await Promise.all(targets.map((target) => target.end()));
    }
  }
  return { outcomes, memory };
}

test.each(["PUT", "GET"] as const)(
  "%s against a bare fastify route, and with a hundred times the documents",
  async (method) => {
    const asked = method === "PUT" ? [...SERVERS, ...FLOORS] : SERVERS;
    const { outcomes, memory } = await race(asked, method);
    const [bare = [], small = [], large = []] = outcomes;
    for (const [index, [name]] of asked.entries()) {
      const own = outcomes[index] ?? [];
      process.stdout.write(
        `${method} ${name}: ${Math.round(median(own.map(rate)))} a second (${ratio(own, bare, rate).toFixed(2)}), p50 ${median(own.map(({ p50 }) => p50)).toFixed(2)} ms, p99 ${median(own.map(p99)).toFixed(2)} ms, ${memory[index]?.toFixed(0)} MB\n`,
      );
    }
    const [share, slow, scale] = [ratio(small, bare, rate), ratio(small, bare, p99), ratio(large, small, rate)];
    process.stdout.write(
      `${method}: ${share.toFixed(2)} of the bare route's rate, ${slow.toFixed(1)} times its p99; ${scale.toFixed(2)} of that rate with a hundred times the documents\n`,
    );
    expect(share).toBeGreaterThanOrEqual(method === "PUT" ? 0.6 : 0.7);
    expect(slow).toBeLessThanOrEqual(3);
    expect(scale).toBeGreaterThanOrEqual(0.8);
  },
);
