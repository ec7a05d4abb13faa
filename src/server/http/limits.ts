import { hash } from "node:crypto";

/** So many at once, and one more each `refillSeconds`. */
export interface Rate {
  readonly burst: number;
  readonly refillSeconds: number;
}

/** How much a stranger may try; each can be set, above all for tests. */
export interface Limits {
  /** Wrong keys from one address for one name, each key counted once. */
  readonly failuresPerUser: Rate;
  /** Wrong keys from one address for all names together. */
  readonly failuresPerAddress: Rate;
  /** New accounts from one address. */
  readonly registrations: Rate;
}

export const DEFAULT_LIMITS: Limits = {
  failuresPerUser: { burst: 10, refillSeconds: 30 },
  failuresPerAddress: { burst: 60, refillSeconds: 2 },
  registrations: { burst: 100, refillSeconds: 36 },
};

/** Counts tries against a rate, per key. */
export interface Limiter {
  /** Whether there is one left. */
  allows(key: string): boolean;
  /** Uses one up. */
  take(key: string): void;
}

/** Names are as long as strangers like; what is kept of them is not. */
function shorten(key: string): string {
  return key.length <= 44 ? key : hash("sha256", key, "base64");
}

/** A bucket of tokens per key; the memory for it is bounded: the keys that have waited longest are forgotten first. */
export function createLimiter({ burst, refillSeconds }: Rate, clock: () => number, maxKeys = 50_000): Limiter {
  // The moment at which the bucket is full again says all.
  const fullAt = new Map<string, number>();

  return {
    allows(key) {
      const full = fullAt.get(shorten(key));
      if (full === undefined) return burst > 0;
      return full - clock() <= (burst - 1) * refillSeconds;
    },
    take(name) {
      const key = shorten(name);
      const now = clock();
      const full = Math.max(fullAt.get(key) ?? now, now) + refillSeconds;
      fullAt.delete(key);
      fullAt.set(key, full);
      if (fullAt.size <= maxKeys) return;
      const oldest = fullAt.keys().next();
      if (oldest.done !== true) fullAt.delete(oldest.value);
    },
  };
}

/** What counts as one address: an IPv6 network of 64 bits is one household, and an IPv4 address in IPv6 is itself. */
export function addressGroup(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "");
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("::");
  const left = head.split(":").filter((part) => part !== "");
  const right = (tail ?? "").split(":").filter((part) => part !== "");
  const gap = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return [...left, ...gap, ...right].slice(0, 4).join(":");
}
