import { hash, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { Refusal } from "./errors.ts";

/** scrypt's work: `N` doublings of its memory (128 * r * N bytes, here 32 MiB), block size `r`. */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

const DEFAULT_COST: ScryptCost = { N: 32768, r: 8, p: 1 };
/** As many run at once; the runtime's four helper threads also serve the file system. */
const MAX_RUNNING = 2;
/** More waiting than this would only be answered after KOReader has hung up. */
const MAX_WAITING = 100;

/** Makes what is kept of a key, and tells whether a key belongs to what is kept. */
export interface Credentials {
  /** What to keep of this key. */
  make(key: string): Promise<string>;
  /** Whether the key is the account's; `kept` is null for an unknown user, which takes as long and is false. */
  verify(username: string, key: string, kept: string | null): Promise<boolean>;
  /** Whether `verify` would answer yes at once, from memory. */
  isKnown(username: string, key: string, kept: string | null): boolean;
  /** What was kept of this very key when it was last verified, without asking the store; null when it is not remembered. */
  recall(username: string, key: string): string | null;
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function digestOf(text: string): Buffer {
  return hash("sha256", text, "buffer");
}

function deriveByScrypt(key: string, salt: Buffer, cost: ScryptCost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(key, salt, 32, { ...cost, maxmem: 256 * cost.N * cost.r }, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}

function format(cost: ScryptCost, salt: Buffer, derived: Buffer): string {
  return `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString("base64url")}$${derived.toString("base64url")}`;
}

function parse(kept: string): { cost: ScryptCost; salt: Buffer; derived: Buffer } | null {
  const match = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]+)\$([\w-]+)$/.exec(kept);
  if (match === null) return null;
  const [, N, r, p, salt = "", derived = ""] = match;
  return {
    cost: { N: Number(N), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, "base64url"),
    derived: Buffer.from(derived, "base64url"),
  };
}

export interface CredentialOptions {
  /** Keep keys as they are, as the reference server does; only for a store that shares its layout. */
  readonly verbatim: boolean;
  readonly cost?: ScryptCost;
  /** How many verified keys are remembered. */
  readonly remembered?: number;
  /** scrypt, unless a test wants to count. */
  readonly derive?: typeof deriveByScrypt;
}

/**
 * Keys as slow salted hashes, with a bounded memory of those verified. An entry of that memory holds only for the very
 * credential it was verified against, so a change made by another process is noticed with the next request.
 */
export function createCredentials({
  verbatim,
  cost = DEFAULT_COST,
  remembered = 10_000,
  derive = deriveByScrypt,
}: CredentialOptions): Credentials {
  const known = new Map<string, { kept: string; key: Buffer }>();
  const running = new Map<string, Promise<boolean>>();
  const waiting: (() => void)[] = [];
  let active = 0;

  // An unknown user costs what a known one costs.
  const decoy = { cost, salt: randomBytes(16), derived: randomBytes(32) };

  async function takeTurn<T>(work: () => Promise<T>): Promise<T> {
    if (active >= MAX_RUNNING) {
      if (waiting.length >= MAX_WAITING) throw new Refusal("StoreFailed");
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      active += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) active -= 1;
      else next();
    }
  }

  function remember(username: string, kept: string, key: string): void {
    known.delete(username);
    known.set(username, { kept, key: Buffer.from(key) });
    const oldest = known.keys().next();
    if (known.size > remembered && oldest.done !== true) known.delete(oldest.value);
  }

  function recall(username: string, key: string): string | null {
    const entry = known.get(username);
    return entry !== undefined && equal(entry.key, Buffer.from(key)) ? entry.kept : null;
  }

  function isKnown(username: string, key: string, kept: string | null): boolean {
    return kept !== null && recall(username, key) === kept;
  }

  async function compute(username: string, key: string, kept: string | null): Promise<boolean> {
    if (kept === null && verbatim) return false;
    const parts = kept === null ? decoy : parse(kept);
    const isRight =
      parts === null
        ? // Kept verbatim. Digests are of one length, so that the comparison tells nothing of the key.
          equal(digestOf(key), digestOf(kept ?? ""))
        : equal(await takeTurn(() => derive(key, parts.salt, parts.cost)), parts.derived) && kept !== null;
    if (isRight && kept !== null) remember(username, kept, key);
    return isRight;
  }

  return {
    async make(key) {
      if (verbatim) return key;
      const salt = randomBytes(16);
      return format(cost, salt, await takeTurn(() => derive(key, salt, cost)));
    },
    isKnown,
    recall,
    async verify(username, key, kept) {
      if (isKnown(username, key, kept)) return true;
      // A device that comes back with ten requests at once pays for one.
      const question = `${username}\n${digestOf(key).toString("hex")}\n${kept ?? ""}`;
      const asked = running.get(question);
      if (asked !== undefined) return asked;
      const answer = compute(username, key, kept).finally(() => running.delete(question));
      running.set(question, answer);
      return answer;
    },
  };
}
