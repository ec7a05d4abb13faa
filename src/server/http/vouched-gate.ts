import { readClaim } from "./authorize.ts";
import type { Caller, Gate } from "./gate.ts";
import type { Credentials } from "../credentials.ts";
import { Refusal } from "../errors.ts";
import type { Store } from "../stores/store.ts";

/** What is kept of an account whose key the one in front knows; no key of anybody's is verified against it. */
const VOUCHED = "vouched";
/** So many accounts are remembered to be there. */
const REMEMBERED = 1000;

/** Believes the name in every request: the one in front has checked it. Who was never here gets an account. */
export function createVouchedGate(store: Store, credentials: Credentials): Gate {
  const known = new Set<string>();

  async function enter(username: string): Promise<Caller> {
    const kept = await store.credentialOf(username);
    if (kept === null) await store.createUser(username, VOUCHED);
    else if (kept !== VOUCHED) throw new Refusal("Unauthorized");
    if (known.size >= REMEMBERED) known.clear();
    known.add(username);
    return { username, credential: VOUCHED };
  }

  return {
    credentials,
    check: ({ username }) => enter(username),
    admit: async (headers) => enter(readClaim(headers).username),
    recall(headers) {
      const { username } = readClaim(headers);
      return known.has(username) ? { username, credential: VOUCHED } : null;
    },
    admitStranger: () => undefined,
    admitRegistration: () => {
      throw new Refusal("RegistrationDisabled");
    },
  };
}
