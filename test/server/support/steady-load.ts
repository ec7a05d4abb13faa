import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChild } from "./child.ts";
import { getRequest, openConnection, putRequest } from "./kept-alive.ts";
import { ask } from "./serving.ts";

const CONNECTIONS = 16;
const DOCUMENTS = 300;
const USERS = 20;
/** How often memory is looked at; each look costs the server a collection. */
const SAMPLES = 40;
const TELL_MEMORY = "./test/server/support/tell-memory.ts";

/** In bytes. */
export interface Memory {
  /** On the heap and beside it after a forced collection: what is held on to. */
  readonly kept: number;
  /** Of the process; it depends on the machine and on when the system and the collector liked to tidy up. */
  readonly resident: number;
}

export interface MemoryOutcome {
  readonly requests: number;
  readonly failures: number;
  /** Bytes that each request of the second half left behind for good: what is kept, against the requests so far. */
  readonly leak: number;
  readonly start: Memory;
  readonly end: Memory;
}

interface Sample extends Memory {
  readonly requests: number;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The median of the slopes between all pairs: one odd sample, such as code just compiled, does not move it. */
function slope(samples: readonly Sample[]): number {
  const slopes = samples.flatMap((a, index) =>
    samples.slice(index + 1).map((b) => (b.kept - a.kept) / (b.requests - a.requests)),
  );
  return median(slopes);
}

function isMemory(message: unknown): message is Memory {
  return typeof message === "object" && message !== null && "kept" in message;
}

function memoryOf(child: ChildProcess): Promise<Memory> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error("the server ended"));
    child.once("exit", fail);
    child.once("message", (message) => {
      child.off("exit", fail);
      if (isMemory(message)) resolve(message);
      else reject(new Error("no memory told"));
    });
    child.send("memory?");
  });
}

/** Mixed load on a server with SQLite for so many seconds: reads, writes, wrong keys, broken bodies, dropped connections. */
export async function loadSteadily(seconds: number): Promise<MemoryOutcome> {
  const folder = mkdtempSync(join(tmpdir(), "kosync-steady-"));
  const server = await startChild(["--data", folder, "--metrics"], {}, ["--expose-gc", "--import", TELL_MEMORY]);
  const { port } = server;
  let requests = 0;
  let failures = 0;
  const load = { isOver: false };

  async function drive(worker: number): Promise<void> {
    let client = await openConnection(port);
    for (let turn = 0; !load.isOver; turn++) {
      const username = `user${(worker + turn) % USERS}`;
      const document = `doc-${(turn * 31 + worker) % DOCUMENTS}`;
      const body = { document, progress: `/body/p[${turn}]`, percentage: (turn % 100) / 100, device: "Kobo" };
      const kinds = [
        putRequest(username, body),
        getRequest(username, document),
        getRequest(`stranger${turn}`, document),
        putRequest(username, { document }),
      ];
      const kind = turn % 100 === 98 ? 2 : turn % 100 === 99 ? 3 : turn % 2;
      const { status } = await client.ask(kinds[kind] ?? "");
      requests += 1;
      if (status !== [200, 200, 401, 403][kind]) failures += 1;
      if (turn % 500 === 499) {
        client.close();
        client = await openConnection(port);
      }
    }
    client.close();
  }

  try {
    for (let user = 0; user < USERS; user++) {
      const body = JSON.stringify({ username: `user${user}`, password: `key-user${user}` });
      await ask(port, { method: "POST", path: "/users/create", body });
    }
    const samples: Sample[] = [];
    const workers = Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => drive(index)));
    const interval = (seconds * 1000) / SAMPLES;
    for (let number = 0; number < SAMPLES; number++) {
      await Promise.race([new Promise((resolve) => setTimeout(resolve, interval)), workers]);
      samples.push({ ...(await memoryOf(server.child)), requests });
      await ask(port, { method: "GET", path: "/metrics" });
    }
    load.isOver = true;
    await workers;
    // The first half warms up: code is compiled, caches fill.
    const settled = samples.slice(SAMPLES / 2);
    const [start, end] = [settled[0], settled.at(-1)];
    if (start === undefined || end === undefined) throw new Error("no samples");
    return { requests, failures, leak: slope(settled), start, end };
  } finally {
    await server.end("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}
