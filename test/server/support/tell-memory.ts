// Loaded before a server that is watched: tells, when asked over the channel, what it cannot let go of.
import { setImmediate } from "node:timers/promises";
import type { Memory } from "./steady-load.ts";

const collect = globalThis.gc;
if (collect === undefined) throw new Error("needs --expose-gc");

process.on("message", () => {
  void (async (): Promise<void> => {
    // What finalizers free goes with the second collection.
    collect();
    await setImmediate();
    collect();
    const { heapUsed, external, rss } = process.memoryUsage();
    process.send?.({ kept: heapUsed + external, resident: rss } satisfies Memory);
  })();
});
