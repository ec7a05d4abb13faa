import { connect } from "node:net";
import type { Socket } from "node:net";

export interface Load {
  readonly port: number;
  readonly connections: number;
  /** How many requests to answer in all. */
  readonly requests: number;
  /** The bytes of request number `index`. */
  readonly request: (index: number) => string;
}

export interface Outcome {
  /** Requests a second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly statuses: Readonly<Record<string, number>>;
}

/** One request after the other on each of some kept-alive connections: little work of its own, so that the server is what is measured. */
export async function measure({ port, connections, requests, request }: Load): Promise<Outcome> {
  const times: number[] = [];
  const statuses: Record<string, number> = {};
  let sent = 0;
  const started = performance.now();

  function drive(socket: Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      let text = "";
      let since = 0;
      const next = (): void => {
        if (sent >= requests) {
          socket.destroy();
          resolve();
          return;
        }
        since = performance.now();
        socket.write(request(sent++));
      };
      socket.setEncoding("latin1");
      socket.setNoDelay(true);
      socket.on("error", reject);
      socket.on("close", () => resolve());
      socket.on("data", (chunk: string) => {
        text += chunk;
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
        if (text.length < end + 4 + length) return;
        times.push(performance.now() - since);
        const status = text.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        text = "";
        next();
      });
      socket.on("connect", next);
    });
  }

  await Promise.all(Array.from({ length: connections }, () => drive(connect(port, "127.0.0.1"))));
  const seconds = (performance.now() - started) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { rate: times.length / seconds, p50: at(0.5), p99: at(0.99), statuses };
}
