import type { IncomingHttpHeaders } from "node:http";
import { readClaim } from "./authorize.ts";
import type { Claim } from "../claim.ts";
import type { Credentials } from "../credentials.ts";
import { Refusal } from "../errors.ts";
import { addressGroup, createLimiter } from "./limits.ts";
import type { Limits } from "./limits.ts";
import type { Store } from "../stores/store.ts";

/** Who a request comes from, once it was believed. */
export interface Caller {
  readonly username: string;
  /** What the store keeps of the key: a write holds only while it is still this. */
  readonly credential: string;
}

/** Lets requests in, or refuses them with 401. */
export interface Gate {
  readonly credentials: Credentials;
  /** Asks the store for the account first. */
  admit(headers: IncomingHttpHeaders, address: string): Promise<Caller>;
  /**
   * Who was believed with this name and key before, without asking the store; null when nobody was. Enough only where the
   * store itself checks the credential once more, as `write` does.
   */
  recall(headers: IncomingHttpHeaders): Caller | null;
  /** For a request that has asked the store already: `kept` is the account's credential, null for no account. */
  check(claim: Claim, kept: string | null, address: string): Promise<Caller>;
  /** For a name that no account has: throws Refusal Unauthorized when this address has named too many of them. */
  admitStranger(address: string): void;
  /** Throws Refusal TooMany when this address has made too many accounts. */
  admitRegistration(address: string): void;
}

export interface GateOptions {
  readonly store: Store;
  readonly credentials: Credentials;
  readonly limits: Limits;
  /** Seconds. */
  readonly clock: () => number;
  /** Told of each refused key, with nothing that could be one. */
  readonly onFailure: (address: string, isLimited: boolean) => void;
}

/** The gate of one server. */
export function createGate({ store, credentials, limits, clock, onFailure }: GateOptions): Gate {
  const perUser = createLimiter(limits.failuresPerUser, clock);
  const perAddress = createLimiter(limits.failuresPerAddress, clock);
  const registrations = createLimiter(limits.registrations, clock);

  async function check({ username, key }: Claim, kept: string | null, address: string): Promise<Caller> {
    // A device that was believed before is never in the way of a limit, whoever else guesses from its address.
    if (kept !== null && credentials.isKnown(username, key, kept)) return { username, credential: kept };
    // The same wrong key again teaches nobody anything: a device with an old password uses up no tries of its house.
    if (credentials.isKnownWrong(username, key, kept)) {
      onFailure(address, false);
      throw new Refusal("Unauthorized");
    }
    const group = addressGroup(address);
    const pair = `${group}\n${username}`;
    // Past the limit the answer stays 401 (KOReader would queue and repeat anything else) but costs us nothing.
    const isLimited = !perUser.allows(pair) || !perAddress.allows(group);
    const isRight = !isLimited && (await credentials.verify(username, key, kept));
    if (isRight && kept !== null) return { username, credential: kept };
    // A try that was not even looked at does not lengthen the wait: a device with the right key gets in again.
    if (!isLimited) {
      perUser.take(pair);
      perAddress.take(group);
    }
    onFailure(address, isLimited);
    throw new Refusal("Unauthorized");
  }

  return {
    credentials,
    check,
    recall(headers) {
      const { username, key } = readClaim(headers);
      const credential = credentials.recall(username, key);
      return credential === null ? null : { username, credential };
    },
    async admit(headers, address) {
      const claim = readClaim(headers);
      return check(claim, await store.credentialOf(claim.username), address);
    },
    admitStranger(address) {
      const group = addressGroup(address);
      if (!perAddress.allows(group)) throw new Refusal("Unauthorized");
      perAddress.take(group);
    },
    admitRegistration(address) {
      const group = addressGroup(address);
      if (!registrations.allows(group)) throw new Refusal("TooMany");
      registrations.take(group);
    },
  };
}
