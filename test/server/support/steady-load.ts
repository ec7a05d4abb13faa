import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChild } from "./child.ts";
import { getRequest, openConnection, putRequest } from "./kept-alive.ts";
import { ask } from "./serving.ts";

const CONNECTIONS = 16;
const DOCUMENTS = 300;
const USERS = 20;

export interface MemoryOutcome {
  readonly requests: number;
  readonly failures: number;
  /** Resident memory in bytes: the medians of each quarter of the time. */
  readonly quarters: readonly number[];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function residentMemory(port: number): Promise<number> {
  const { text } = await ask(port, { method: "GET", path: "/metrics" });
  return Number(/^process_resident_memory_bytes (\d+)$/m.exec(text)?.[1]);
}

/** Mixed load on a server with SQLite for so many seconds: reads, writes, wrong keys, broken bodies, dropped connections. */
export async function loadSteadily(seconds: number): Promise<MemoryOutcome> {
  const folder = mkdtempSync(join(tmpdir(), "kosync-steady-"));
  const server = await startChild(["--data", folder, "--metrics"]);
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
    const samples: number[] = [];
    const workers = Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => drive(index)));
    const interval = Math.max(250, (seconds * 1000) / 100);
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, interval));
      samples.push(await residentMemory(port));
    }
    load.isOver = true;
    await workers;
    const quarter = Math.floor(samples.length / 4);
    const quarters = [0, 1, 2, 3].map((index) => median(samples.slice(index * quarter, (index + 1) * quarter)));
    return { requests, failures, quarters };
  } finally {
    await server.end("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}
