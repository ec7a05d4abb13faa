import type { IncomingHttpHeaders } from "node:http";
import { Refusal } from "../errors.ts";

/** What a request says it may do. */
export interface Claim {
  readonly username: string;
  readonly key: string;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** KOReader sends UTF-8 bytes, which the runtime hands over as Latin-1; what is not UTF-8 was Latin-1 from the start. */
function decodeHeader(value: string): string {
  // oxlint-disable-next-line no-control-regex -- plain ASCII is what nearly every header is
  if (/^[\x00-\x7f]*$/.test(value)) return value;
  try {
    return decoder.decode(Buffer.from(value, "latin1"));
  } catch {
    return value;
  }
}

/** No account ever had a longer name or key: what is longer costs nobody a thought. */
const MAX_CLAIM_BYTES = 2048;

/** Whether there could be an account of this name, however it was made: a colon would lead to other keys of a store. */
export function mayBeName(text: string): boolean {
  return text !== "" && !text.includes(":") && Buffer.byteLength(text) <= MAX_CLAIM_BYTES;
}

/** A claim of this name and key; one that no account can have is refused as any wrong one. */
export function toClaim(username: string, key: string): Claim {
  if (!mayBeName(username) || key === "" || Buffer.byteLength(key) > MAX_CLAIM_BYTES) throw new Refusal("Unauthorized");
  return { username, key };
}

/** Reads `x-auth-user` and `x-auth-key`. */
export function readClaim(headers: IncomingHttpHeaders): Claim {
  const user = headers["x-auth-user"];
  const key = headers["x-auth-key"];
  if (typeof user !== "string" || typeof key !== "string") throw new Refusal("Unauthorized");
  return toClaim(decodeHeader(user), decodeHeader(key));
}
