import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryStore } from "../../../src/server/stores/memory/store.ts";
import { openRedisStore } from "../../../src/server/stores/redis/store.ts";
import { openSqliteStore } from "../../../src/server/stores/sqlite/store.ts";
import { DEFAULT_QUOTA } from "../../../src/server/stores/quota.ts";
import type { Quota } from "../../../src/server/stores/quota.ts";
import type { ListQuery, Store, StoredRecord } from "../../../src/server/stores/store.ts";
import { startRedis } from "./redis.ts";

/** One kind of store with all that it needs; `close` takes everything away again. */
export interface StoreUnderTest {
  readonly store: Store;
  close(): Promise<void>;
}

export const STORE_KINDS = ["memory", "sqlite", "redis"] as const;

/** A fresh, empty store of that kind: SQLite in a throw-away folder, Redis in a redis-server of its own. */
export async function openTestStore(
  kind: (typeof STORE_KINDS)[number],
  quota: Quota = DEFAULT_QUOTA,
): Promise<StoreUnderTest> {
  if (kind === "memory") {
    const store = createMemoryStore(quota);
    return { store, close: () => store.close() };
  }
  if (kind === "redis") {
    const redis = await startRedis();
    const store = await openRedisStore(redis.url, quota);
    return { store, close: () => store.close().then(() => redis.stop()) };
  }
  const folder = mkdtempSync(join(tmpdir(), "kosync-"));
  const store = openSqliteStore(join(folder, "kosync.sqlite"), quota);
  return {
    store,
    async close() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** All that a listing gives. */
export async function listed(
  store: Store,
  username: string,
  query: ListQuery = { since: 0, after: null },
): Promise<StoredRecord[]> {
  return (await collect(store.list(username, query))).flat();
}

/** Everything of an async iterable. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
