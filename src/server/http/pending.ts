import type { ArrivedPlace } from "../../model/hosting.ts";
import type { ProgressWrite, Store, WriteOutcome } from "../stores/store.ts";
import { least } from "../../core/lists.ts";

/** Writes that have their time already, but that a listing may not show yet: they wait for others, or for the disk. */
export interface Pending {
  /** The store's `write`, of which `oldest` knows until it is over. */
  write(username: string, credential: string, write: ProgressWrite): Promise<WriteOutcome>;
  /** The second since which a listing that begins now may lack something. */
  oldest(now: number): number;
}

/** The pending writes of one server; `onPlace` is told of each that was written. */
export function createPending(store: Store, onPlace?: (place: ArrivedPlace) => void): Pending {
  const counts = new Map<number, number>();

  function end(timestamp: number): void {
    const count = (counts.get(timestamp) ?? 1) - 1;
    if (count === 0) counts.delete(timestamp);
    else counts.set(timestamp, count);
  }

  return {
    async write(username, credential, write) {
      const { device, device_id, percentage, timestamp } = write;
      counts.set(timestamp, (counts.get(timestamp) ?? 0) + 1);
      try {
        const outcome = await store.write(username, credential, write);
        if (outcome.status === "written") {
          onPlace?.({ username, document: outcome.document, device, device_id, percentage, timestamp });
        }
        return outcome;
      } finally {
        end(timestamp);
      }
    },
    oldest: (now) => least(now, counts.keys()),
  };
}
