import { join, resolve } from "node:path";
import { SyncError } from "../model/error.ts";
import { createServer } from "./http/app.ts";
import type { ServerOptions } from "./http/app.ts";
import { DEFAULT_QUOTA } from "./stores/quota.ts";
import type { Quota } from "./stores/quota.ts";
import { makeFolder } from "./stores/sqlite/own-file.ts";
import { troubleOf } from "./stores/trouble.ts";
import type { Store } from "./stores/store.ts";

/** Which store: Redis if it is named, else the file in the folder, else nothing that lasts. */
export interface StorePlace {
  /** Folder of the SQLite file, made when missing; without it and without Redis nothing outlives the server. */
  readonly data?: string;
  /** `redis://host:port/number` of a database in the reference server's layout. */
  readonly redis?: string;
  /** How much of it one account may fill. */
  readonly quota?: Partial<Quota>;
}

export interface ListenOptions extends Omit<ServerOptions, "store">, StorePlace {
  readonly host?: string;
  /** 0 takes any free one. */
  readonly port?: number;
}

/** A server that listens. */
export interface RunningServer {
  /** As a reader enters it in KOReader, when it runs on the same machine. */
  readonly url: string;
  /** The same under another name or address of this machine. */
  urlOn(host: string): string;
  readonly host: string;
  readonly port: number;
  readonly store: Store;
  /** Answers what has been accepted, flushes the store and closes; safe to call twice. */
  stop(): Promise<void>;
}

function reasonOf(error: unknown, data: string): string {
  const message = error instanceof Error ? error.message : String(error);
  if (troubleOf(error) !== "Damaged") return message;
  const file = join(data, "kosync.sqlite");
  return `${file} is damaged (${message}). Save what can be read, with "backup FILE --data ${data}", and "restore" it into another folder, or restore your last backup`;
}

/** What the file system refused, by its code; nothing for any other trouble. */
function refusalOf(error: unknown): { readonly code?: string; readonly path?: string } {
  if (!(error instanceof Error && "syscall" in error && "code" in error && "path" in error)) return {};
  return { code: String(error.code), path: String(error.path) };
}

/** Opens the store that the options name; throws SyncError StoreUnavailable. */
export async function openStore({ data, redis, quota: wanted }: StorePlace): Promise<Store> {
  const quota = { ...DEFAULT_QUOTA, ...wanted };
  try {
    if (redis !== undefined) {
      const { openRedisStore } = await import("./stores/redis/store.ts");
      return await openRedisStore(redis, quota);
    }
    if (data === undefined) {
      const { createMemoryStore } = await import("./stores/memory/store.ts");
      return createMemoryStore(quota);
    }
    const { openSqliteStore } = await import("./stores/sqlite/store.ts");
    makeFolder(resolve(data));
    return openSqliteStore(join(data, "kosync.sqlite"), quota);
  } catch (error) {
    throw new SyncError("StoreUnavailable", { reason: reasonOf(error, data ?? ""), ...refusalOf(error) });
  }
}

function toListenError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return code === "EADDRINUSE" ? new SyncError("PortTaken", { host, port }) : error;
}

/** How long requests that were accepted may still take when the server stops, in milliseconds. */
const GRACE_MS = 10_000;

/** As a reader types it: an address that means "all of mine" is shown as this machine. */
function urlHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

/** Starts a server on loopback, port 8081, unless told otherwise; throws SyncError PortTaken or StoreUnavailable. */
export async function startServer(options: ListenOptions = {}): Promise<RunningServer> {
  const { host = "127.0.0.1", port = 8081, basePath = "" } = options;
  const store = await openStore(options);
  const app = createServer({ ...options, store });
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    await store.close();
    throw toListenError(error, host, port);
  }
  const address = app.server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  let stopping: Promise<void> | null = null;

  async function stop(): Promise<void> {
    const impatience = setTimeout(() => app.server.closeAllConnections(), GRACE_MS);
    await app.close();
    clearTimeout(impatience);
    await store.close();
  }

  const urlOn = (name: string): string =>
    `${options.tls === undefined ? "http" : "https"}://${urlHost(name)}:${bound}${basePath}`;

  return {
    url: urlOn(host),
    urlOn,
    host,
    port: bound,
    store,
    stop: () => (stopping ??= stop()),
  };
}
