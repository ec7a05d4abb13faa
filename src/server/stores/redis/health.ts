import { troubleOf } from "../trouble.ts";
import type { RedisLink } from "./link.ts";

/** Whether writing works: a Redis without room still answers every question. */
export interface RedisHealth {
  /** Watches a write. */
  writing<T>(work: Promise<T>): Promise<T>;
  /** Rejects when there is no answer, or still no room. */
  check(): Promise<void>;
}

/** The health of a connection. */
export function createRedisHealth(link: RedisLink): RedisHealth {
  let isFull = false;

  return {
    writing(work) {
      // Beside whoever waits for it, and tells of it.
      work.catch((error: unknown) => {
        if (troubleOf(error) === "DiskFull") isFull = true;
      });
      return work;
    },
    async check() {
      await link.ask((client) => client.ping());
      if (!isFull) return;
      // Whether there is room again, only a write can tell.
      await link.ask((client) => client.set("koreader-progress:room", "1", { expiration: { type: "EX", value: 60 } }));
      isFull = false;
    },
  };
}
