import type { IncomingHttpHeaders } from "node:http";
import { readClaim } from "./authorize.ts";
import type { Claim } from "./authorize.ts";
import type { Credentials } from "./credentials.ts";
import { Refusal } from "./errors.ts";
import type { Store } from "./store.ts";

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
  /** For a request that has asked the store already: `kept` is the account's credential, null for no account. */
  check(claim: Claim, kept: string | null, address: string): Promise<Caller>;
}

/** The gate of one server. */
export function createGate(store: Store, credentials: Credentials): Gate {
  async function check({ username, key }: Claim, kept: string | null, _address: string): Promise<Caller> {
    if (kept === null || !credentials.isKnown(username, key, kept)) {
      const isRight = await credentials.verify(username, key, kept);
      if (!isRight || kept === null) throw new Refusal("Unauthorized");
    }
    return { username, credential: kept };
  }
  return {
    credentials,
    check,
    async admit(headers, address) {
      const claim = readClaim(headers);
      return check(claim, await store.credentialOf(claim.username), address);
    },
  };
}
