import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";

export interface Load {
  readonly port: number;
  readonly connections: number;
  /** How many requests to answer in all. */
  readonly requests: number;
  /** The text of request number `index`, in Latin-1. */
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

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  socket.setEncoding("latin1");
  await once(socket, "connect");
  return socket;
}

/**
 * One request after the other on each of some kept-alive connections. All is prepared before the clock starts: what the
 * client itself costs is lost to the server where both share a machine.
 */
export async function measure({ port, connections, requests, request }: Load): Promise<Outcome> {
  const prepared = Array.from({ length: requests }, (_, index) => Buffer.from(request(index), "latin1"));
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  const times: number[] = [];
  const statuses: Record<string, number> = {};
  let sent = 0;

  function drive(socket: Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      let text = "";
      let since = 0;
      const next = (): void => {
        const bytes = prepared[sent++];
        if (bytes === undefined) {
          socket.destroy();
          return;
        }
        since = performance.now();
        socket.write(bytes);
      };
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
      next();
    });
  }

  const started = performance.now();
  await Promise.all(sockets.map(drive));
  const seconds = (performance.now() - started) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { rate: times.length / seconds, p50: at(0.5), p99: at(0.99), statuses };
}
