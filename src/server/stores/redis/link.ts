import { createHash } from "node:crypto";
import { createClient } from "redis";
import { Refusal } from "../../errors.ts";

/** KOReader gives up after five seconds: an answer must come well before, even if it is 502. */
const REPLY_MS = 2000;
const CONNECT_MS = 3000;
const RETRY_MS = 500;

type Client = ReturnType<typeof createClient>;

/** A connection to Redis that never keeps anybody waiting: without Redis every question fails at once. */
export interface RedisLink {
  /** Asks; rejects with Refusal StoreFailed when Redis is gone, or does not answer in time. */
  ask<T>(question: (client: Client) => Promise<T>): Promise<T>;
  /** Runs a script by its digest, sending the text only where Redis does not have it. */
  run(script: string, args: string[]): Promise<unknown>;
  close(): Promise<void>;
}

function after(ms: number): { promise: Promise<never>; cancel: () => void } {
  let timer: NodeJS.Timeout;
  const promise = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("Redis did not answer in time.")), ms);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const limit = after(ms);
  try {
    return await Promise.race([work, limit.promise]);
  } finally {
    limit.cancel();
  }
}

/** Connects, or rejects when there is no Redis. Later losses are mended behind the scenes. */
export async function connectRedis(url: string): Promise<RedisLink> {
  const client: Client = createClient({
    url,
    disableOfflineQueue: true,
    socket: { connectTimeout: CONNECT_MS, reconnectStrategy: (tries) => Math.min(100 * (tries + 1), 2000) },
  });
  // Without a listener a lost connection would end the process; those who ask are told themselves.
  client.on("error", () => undefined);
  const digests = new Map<string, string>();
  // Set once Redis has been silent too long: nobody else waits until it has answered again.
  let probing: NodeJS.Timeout | null = null;

  function probe(): void {
    probing = setTimeout(() => {
      within(REPLY_MS, client.ping()).then(
        () => (probing = null),
        () => probe(),
      );
    }, RETRY_MS);
    probing.unref();
  }

  async function ask<T>(question: (client: Client) => Promise<T>): Promise<T> {
    if (probing !== null || !client.isReady) throw new Refusal("StoreFailed");
    try {
      return await within(REPLY_MS, question(client));
    } catch (error) {
      if (error instanceof Error && error.message.startsWith("NOSCRIPT")) throw error;
      if (error instanceof Error && error.message.includes("in time") && probing === null) probe();
      throw new Refusal("StoreFailed", { cause: error });
    }
  }

  try {
    await within(CONNECT_MS, client.connect());
  } catch (error) {
    client.destroy();
    throw error;
  }

  return {
    ask,
    async run(script, args) {
      let digest = digests.get(script);
      if (digest === undefined) {
        digest = createHash("sha1").update(script).digest("hex");
        digests.set(script, digest);
      }
      const sha = digest;
      try {
        return await ask((client) => client.evalSha(sha, { arguments: args }));
      } catch (error) {
        if (error instanceof Refusal) throw error;
        return ask((client) => client.eval(script, { arguments: args }));
      }
    },
    async close() {
      if (probing !== null) clearTimeout(probing);
      if (client.isReady) await within(REPLY_MS, client.close()).catch(() => client.destroy());
      else client.destroy();
    },
  };
}
