import type { ListenOptions, RunningServer } from "./server/listen.ts";
import type { BookFiles, KosyncClient } from "./app/ports.ts";
import type { Account } from "./model/account.ts";

/** The files of this machine. */
export async function openBookFiles(): Promise<BookFiles> {
  const { createBookFiles } = await import("./io/book-file.ts");
  return createBookFiles();
}

/** Starts a kosync server; throws SyncError PortTaken or StoreUnavailable. Loaded on first use: fastify is heavy. */
export async function startServer(options: ListenOptions = {}): Promise<RunningServer> {
  const { startServer } = await import("./server/listen.ts");
  return startServer(options);
}

/** A client for one account; nothing is sent yet. */
export async function openKosyncClient(account: Account): Promise<KosyncClient> {
  const { createKosyncClient } = await import("./io/kosync-client.ts");
  return createKosyncClient({ account });
}
