/** Plugs the adapters into the ports: the only place that knows everybody, each loaded on first use. */
import { join } from "node:path";
import process from "node:process";
import type {
  BookArchive,
  BookFiles,
  CalibreLibrary,
  Clock,
  FindServer,
  KosyncClient,
  NotesFolder,
  OpenBookArchive,
  OpenKosyncClient,
  OpenStatistics,
  ServerCache,
} from "./app/ports.ts";
import type { HostingPorts } from "./app/hosting.ts";
import { networkAddresses } from "./io/addresses.ts";
import type { Account } from "./model/account.ts";
import type { Behind } from "./model/hosting.ts";
import type { Pacing } from "./model/pacing.ts";
import type { Admin } from "./server/admin.ts";
import type { ListenOptions, RunningServer, StorePlace } from "./server/listen.ts";
export type { Lost } from "./server/stores/store.ts";
import type { Log, LogLevel } from "./server/http/log.ts";

/** Everything outside the process, as the use cases want it. */
export interface Outside {
  readonly openClient: OpenKosyncClient;
  readonly findServer: FindServer;
  readonly files: BookFiles;
  readonly openArchive: OpenBookArchive;
  readonly cache: ServerCache;
  readonly clock: Clock;
  close(): Promise<void>;
}

/** Opens everything a sync needs. `cache_folder` is where disposable knowledge is kept, null for nowhere. */
export async function compose({ cache_folder }: { cache_folder: string | null }): Promise<Outside> {
  const cache = cache_folder === null ? NO_CACHE : await openCache(cache_folder);
  return {
    openClient: (account) => openKosyncClient(account, cache),
    findServer,
    files: await openBookFiles(),
    openArchive: openBookArchive,
    cache,
    clock: () => Date.now() / 1000,
    close: () => cache.close(),
  };
}

/** Real calibre, without a window; `folder` is where the build put the plugin's zip and the script for calibre. */
export async function openCalibre(
  folder: string,
  log: (line: string) => void,
  progress: (sentence: string | null) => void,
  signal: AbortSignal,
): Promise<CalibreLibrary> {
  const { startCalibre } = await import("./io/calibre-library.ts");
  return startCalibre({
    calibreDebug: join(process.env["KOREADER_PROGRESS_CALIBRE"] ?? "", "calibre-debug"),
    script: join(folder, "run_headless.py"),
    pluginZip: join(folder, "koreader-progress.zip"),
    bridge: [process.execPath, join(folder, "bridge", "main.mjs")],
    log,
    progress,
    signal,
  });
}

/** The files of this machine. */
export async function openBookFiles(): Promise<BookFiles> {
  const { createBookFiles } = await import("./io/books/files.ts");
  return createBookFiles();
}

/** One book file, entry by entry; rejects with SyncError BookUnreadable. */
export async function openBookArchive(path: string): Promise<BookArchive> {
  const { openBookArchive } = await import("./io/books/epub.ts");
  return openBookArchive(path);
}

/** Opens KOReader's statistics; SQLite is loaded with it. */
export async function statisticsOpener(): Promise<OpenStatistics> {
  const { openStatistics } = await import("./io/sqlite/statistics.ts");
  return openStatistics;
}

/** A folder of notes, which is made where it is missing. */
export async function openNotesFolder(folder: string): Promise<NotesFolder> {
  const notes = await import("./io/books/notes-folder.ts");
  return notes.openNotesFolder(folder);
}

/** A client for one account; nothing is sent yet. What the cache remembers of a server's pace is where it begins. */
export async function openKosyncClient(account: Account, cache: ServerCache = NO_CACHE): Promise<KosyncClient> {
  const { createKosyncClient } = await import("./io/kosync/client.ts");
  const pacings = {
    recall: (server: string) => cache.pacing(server),
    keep: (server: string, pacing: Pacing) => cache.keepPacing(server, pacing),
  };
  return createKosyncClient({ account, pacings });
}

/** Starts a kosync server; throws SyncError PortTaken or StoreUnavailable. Loaded on first use: fastify is heavy. */
export async function startServer(options: ListenOptions = {}): Promise<RunningServer> {
  const { startServer } = await import("./server/listen.ts");
  return startServer(options);
}

/** Where a server is reached from other machines; empty where it listens on one address, or on none but its own. */
export const addressesOf = networkAddresses;

/** A log of the server's kind; `write` gets whole lines. */
export async function openServerLog(level: LogLevel, write: (line: string) => void): Promise<Log> {
  const { createLog } = await import("./server/http/log.ts");
  return createLog(level, write);
}

/** Opens a server's store to administer it; throws SyncError StoreUnavailable. */
export async function openServerAdmin(place: StorePlace): Promise<Admin> {
  const { openAdmin } = await import("./server/admin.ts");
  return openAdmin(place);
}

/** How a server stands behind another: as if it were in its place, for nobody else. */
function standingBehind({ secret, base_path, vouches }: Behind): Partial<ListenOptions> {
  // Who asks is known to the one in front; where that checks passwords, the page cannot.
  return { basePath: base_path, trustProxy: "loopback", front: { secret, vouches }, page: !vouches };
}

/** What a server of one's own needs. */
export function hostingPorts(): HostingPorts {
  return {
    serve: ({ behind, ...options }, { place: onPlace, visit: onVisit }) =>
      startServer({ ...options, onPlace, onVisit, ...(behind === null ? {} : standingBehind(behind)) }),
    openUsers: (data) => openServerAdmin({ data }),
    addresses: networkAddresses,
  };
}

/** Opens a server's store as far as it can be read; throws SyncError StoreUnavailable. */
export async function openServerBackup(place: StorePlace): Promise<Admin> {
  const { openForBackup } = await import("./server/admin.ts");
  return openForBackup(place);
}

async function openCache(folder: string): Promise<ServerCache> {
  const { openServerCache } = await import("./io/sqlite/server-cache.ts");
  try {
    return openServerCache(folder);
  } catch {
    // A folder that cannot be written costs questions, never a sync.
    return NO_CACHE;
  }
}

/** Looks for a server elsewhere than at the typed address. */
export const findServer: FindServer = async (account, signal, only) => {
  const address = await import("./io/kosync/address.ts");
  return address.findServer(account, signal, only);
};

/** Remembers nothing: for a process without a cache folder. */
const NO_CACHE: ServerCache = {
  fileDigest: () => null,
  keepFileDigest: () => {},
  word: () => null,
  keepWord: () => {},
  forgetWord: () => {},
  left: () => new Set(),
  keepLeft: () => {},
  pacing: () => null,
  keepPacing: () => {},
  spent: () => 0,
  spend: () => {},
  close: async () => {},
};
