/** Lets so many through at once; the others wait in line. */
export interface Semaphore {
  /** Waits for a place and returns how to release it; rejects with the signal's reason when it aborts before. */
  acquire(signal?: AbortSignal): Promise<() => void>;
}

/** A semaphore with `places` places. The wait is ours and not the connection pool's, so that timeouts begin after it. */
export function createSemaphore(places: number): Semaphore {
  let free = places;
  const waiting = new Set<() => void>();

  function leave(): void {
    const [next] = waiting;
    if (next === undefined) {
      free += 1;
    } else {
      waiting.delete(next);
      next();
    }
  }

  /** Leaving twice would let one too many in. */
  function once(): () => void {
    let left = false;
    return () => {
      if (!left) leave();
      left = true;
    };
  }

  return {
    acquire: (signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason);
          return;
        }
        if (free > 0) {
          free -= 1;
          resolve(once());
          return;
        }
        const admit = (): void => {
          signal?.removeEventListener("abort", giveUp);
          resolve(once());
        };
        const giveUp = (): void => {
          waiting.delete(admit);
          reject(signal?.reason);
        };
        waiting.add(admit);
        signal?.addEventListener("abort", giveUp, { once: true });
      }),
  };
}
