/** A gate that tells whom it lets in and whom it refuses. */
import type { Visit } from "../../model/hosting.ts";
import { readClaim } from "./authorize.ts";
import type { Caller, Gate } from "./gate.ts";

/** The same gate; `onVisit` hears each decision about a name and key that could be one. */
export function watchGate(gate: Gate, onVisit: (visit: Visit) => void): Gate {
  async function told(username: string, judged: Promise<Caller>): Promise<Caller> {
    try {
      const caller = await judged;
      onVisit({ username, admitted: true });
      return caller;
    } catch (error) {
      onVisit({ username, admitted: false });
      throw error;
    }
  }

  return {
    ...gate,
    check: (claim, kept, address) => told(claim.username, gate.check(claim, kept, address)),
    async admit(headers, address) {
      const { username } = readClaim(headers);
      return told(username, gate.admit(headers, address));
    },
    recall(headers) {
      const caller = gate.recall(headers);
      if (caller !== null) onVisit({ username: caller.username, admitted: true });
      return caller;
    },
  };
}
