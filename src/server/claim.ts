import { Refusal } from "./errors.ts";

/** What a request says it may do. */
export interface Claim {
  readonly username: string;
  readonly key: string;
}

/** No account ever had a longer name or key, and no path carries a longer id: what is longer costs nobody a thought. */
const MAX_BYTES = 2048;

function isWithin(text: string): boolean {
  return text.length * 3 <= MAX_BYTES || Buffer.byteLength(text) <= MAX_BYTES;
}

/** Whether there could be an account or a document of this name, however old: a colon would lead to other keys of a store. */
export function mayBeName(text: string): boolean {
  return text !== "" && text.isWellFormed() && !text.includes(":") && isWithin(text);
}

/** A claim of this name and key; one that no account can have is refused as any wrong one. */
export function toClaim(username: string, key: string): Claim {
  if (!mayBeName(username) || key === "" || !isWithin(key)) throw new Refusal("Unauthorized");
  return { username, key };
}
