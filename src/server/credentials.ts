import { hash, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { STORED_KEY_PREFIX } from "../model/account-name.ts";
import { Refusal } from "./errors.ts";

/** scrypt's work: `N` doublings of its memory (128 * r * N bytes, here 32 MiB), block size `r`. */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

const DEFAULT_COST: ScryptCost = { N: 32768, r: 8, p: 1 };
/** What a stored form may ask of a check: whoever wrote it into a store that others share does not choose our memory. */
const MAX_WORK_BYTES = 64 * 1024 ** 2;
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
  /** Whether `verify` would answer no at once, from memory. */
  isKnownWrong(username: string, key: string, kept: string | null): boolean;
  /** Whether this is a stored form of ours, and no key as it came. */
  isStoredForm(kept: string): boolean;
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
  return `${STORED_KEY_PREFIX}${cost.N}$${cost.r}$${cost.p}$${salt.toString("base64url")}$${derived.toString("base64url")}`;
}

function isBearable({ N, r, p }: ScryptCost): boolean {
  const isPower = N >= 2 && (N & (N - 1)) === 0;
  return isPower && r >= 1 && p >= 1 && 128 * N * r * p <= MAX_WORK_BYTES;
}

/** The counterpart of `format`; null for what we would not have written. */
function parse(kept: string): { cost: ScryptCost; salt: Buffer; derived: Buffer } | null {
  const match = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]{22})\$([\w-]{43})$/.exec(kept);
  if (match === null) return null;
  const [, N, r, p, salt = "", derived = ""] = match;
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  if (!isBearable(cost)) return null;
  return { cost, salt: Buffer.from(salt, "base64url"), derived: Buffer.from(derived, "base64url") };
}

/** One name, key and credential: what is asked, in a length of its own. */
function questionOf(username: string, key: string, kept: string | null): string {
  return hash("sha256", JSON.stringify([username, key, kept]), "base64");
}

export interface CredentialOptions {
  /** Keep keys as they are, as the reference server does; only for a store that shares its layout. */
  readonly verbatim: boolean;
  readonly cost?: ScryptCost;
  /** How many keys are remembered as verified, and how many as wrong. */
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
  const wrong = new Set<string>();
  const running = new Map<string, Promise<boolean>>();
  const waiting: (() => void)[] = [];
  let active = 0;

  // An unknown user costs what a known one costs.
  const decoy = { cost, salt: randomBytes(16) };

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

  function rememberWrong(question: string): void {
    wrong.add(question);
    const oldest = wrong.keys().next();
    if (wrong.size > remembered && oldest.done !== true) wrong.delete(oldest.value);
  }

  /** Whether a key is what is kept: a hash of it, or itself in a store that keeps keys as they are. */
  async function matches(key: string, kept: string): Promise<boolean> {
    const parts = parse(kept);
    if (parts !== null) return equal(await takeTurn(() => derive(key, parts.salt, parts.cost)), parts.derived);
    // Digests are of one length, so that the comparison tells nothing of the key.
    return verbatim && equal(digestOf(key), digestOf(kept));
  }

  async function compute(username: string, key: string, kept: string | null): Promise<boolean> {
    if (kept === null) {
      if (!verbatim) await takeTurn(() => derive(key, decoy.salt, decoy.cost));
      return false;
    }
    const isRight = await matches(key, kept);
    if (isRight) remember(username, kept, key);
    return isRight;
  }

  return {
    async make(key) {
      if (verbatim) return key;
      const salt = randomBytes(16);
      return format(cost, salt, await takeTurn(() => derive(key, salt, cost)));
    },
    isKnown,
    isKnownWrong: (username, key, kept) => wrong.has(questionOf(username, key, kept)),
    isStoredForm: (kept) => parse(kept) !== null,
    recall,
    async verify(username, key, kept) {
      if (isKnown(username, key, kept)) return true;
      // A device that comes back with ten requests at once pays for one.
      const question = questionOf(username, key, kept);
      const asked = running.get(question);
      if (asked !== undefined) return asked;
      const answer = compute(username, key, kept).finally(() => running.delete(question));
      running.set(question, answer);
      const isRight = await answer;
      if (!isRight) rememberWrong(question);
      return isRight;
    },
  };
}
