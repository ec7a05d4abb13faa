import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChild } from "./child.ts";
import { getRequest, openConnection, putRequest } from "./kept-alive.ts";
import { startRedis } from "./redis.ts";
import { ask } from "./serving.ts";

const CONNECTIONS = 16;
const DOCUMENTS_EACH = 20;

export interface KillOutcome {
  /** How many writes had been answered with 200 when it was killed, over all rounds. */
  readonly acknowledged: number;
  /** Documents whose last answered write is not there afterwards. */
  readonly lost: string[];
  /** Documents whose fields are not those of one and the same write. */
  readonly torn: string[];
}

interface Place {
  readonly args: readonly string[];
  /** Kills what the store itself runs in, and starts it again. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

async function openPlace(kind: "sqlite" | "redis"): Promise<Place> {
  if (kind === "redis") {
    const redis = await startRedis();
    return {
      args: ["--redis", redis.url],
      crash: () => redis.kill("SIGKILL").then(() => redis.start()),
      close: () => redis.stop(),
    };
  }
  const folder = mkdtempSync(join(tmpdir(), "kosync-kill-"));
  return {
    args: ["--data", folder],
    crash: async () => undefined,
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Every field tells the number of its write, so that a mixture shows. */
function position(document: string, number: number): object {
  return {
    document,
    progress: `/body/p[${number}]`,
    percentage: (number % 1000) / 1000,
    device: `device ${number}`,
    device_id: `id ${number}`,
  };
}

async function load(
  port: number,
  connection: number,
  numbers: Map<string, number>,
  acknowledged: Map<string, number>,
): Promise<void> {
  const client = await openConnection(port);
  for (let turn = 0; ; turn++) {
    const document = `doc-${connection}-${turn % DOCUMENTS_EACH}`;
    const number = (numbers.get(document) ?? 0) + 1;
    numbers.set(document, number);
    const { status } = await client.ask(putRequest("reader", position(document, number)));
    if (status === 200) acknowledged.set(document, number);
  }
}

async function check(port: number, acknowledged: ReadonlyMap<string, number>, outcome: KillOutcome): Promise<void> {
  const client = await openConnection(port);
  for (const [document, number] of acknowledged) {
    const { body } = await client.ask(getRequest("reader", document));
    const record: unknown = JSON.parse(body);
    const progress = /\[(\d+)\]/.exec(body)?.[1];
    const found = Number(progress ?? 0);
    if (found < number) outcome.lost.push(`${document}: ${number} answered, ${found} found`);
    const { timestamp: _, ...rest } = Object.assign({ timestamp: 0 }, record);
    if (found > 0 && JSON.stringify(sorted(rest)) !== JSON.stringify(sorted(position(document, found)))) {
      outcome.torn.push(body);
    }
  }
  client.close();
}

/** How many writes were answered: each document counts its own. */
function answered(acknowledged: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const number of acknowledged.values()) sum += number;
  return sum;
}

function sorted(record: object): [string, unknown][] {
  return Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Kills a server (and a Redis below it) with SIGKILL in mid-load, `rounds` times over, each time after `answers` to twice as
 * many, and looks at what is left of what it answered.
 */
export async function killInMidLoad(kind: "sqlite" | "redis", rounds: number, answers = 200): Promise<KillOutcome> {
  const place = await openPlace(kind);
  const outcome: KillOutcome & { acknowledged: number } = { acknowledged: 0, lost: [], torn: [] };
  const numbers = new Map<string, number>();
  const acknowledged = new Map<string, number>();
  try {
    for (let round = 0; round < rounds; round++) {
      const server = await startChild(place.args);
      const body = '{"username":"reader","password":"key-reader"}';
      if (round === 0) await ask(server.port, { method: "POST", path: "/users/create", body });
      const loads = Array.from({ length: CONNECTIONS }, (_, index) => load(server.port, index, numbers, acknowledged));
      const settled = Promise.allSettled(loads);
      // In mid-load, and never at the same moment: after so many answers of this round, however fast they come.
      const enough = answered(acknowledged) + answers + Math.random() * answers;
      while (answered(acknowledged) < enough && server.child.exitCode === null) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await Promise.all([server.end("SIGKILL"), place.crash()]);
      await settled;
      const again = await startChild(place.args);
      await check(again.port, acknowledged, outcome);
      await again.end("SIGTERM");
    }
    outcome.acknowledged = answered(acknowledged);
    return outcome;
  } finally {
    await place.close();
  }
}
