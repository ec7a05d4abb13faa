import type { IncomingHttpHeaders } from "node:http";
import { toClaim } from "../claim.ts";
import type { Claim } from "../claim.ts";
import { Refusal } from "../errors.ts";

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

/** Reads `x-auth-user` and `x-auth-key`. */
export function readClaim(headers: IncomingHttpHeaders): Claim {
  const user = headers["x-auth-user"];
  const key = headers["x-auth-key"];
  if (typeof user !== "string" || typeof key !== "string") throw new Refusal("Unauthorized");
  return toClaim(decodeHeader(user), decodeHeader(key));
}
