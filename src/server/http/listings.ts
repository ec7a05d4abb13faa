import type { ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";

/** So many listings an account may be reading at once. */
const MAX_LISTINGS = 8;

/** The listings that are being sent, of each account. */
export interface Listings {
  /**
   * Another one begins; of too many the one that began first is given up: whoever reads slowly may have gone to sleep.
   * Tells a turn later whether it is still wanted: of a hundred that arrive together only the last few may begin to read.
   */
  begin(username: string, response: ServerResponse): Promise<boolean>;
}

/** The listings of one server: what each of them holds is bounded, and so is their number. */
export function createListings(): Listings {
  const running = new Map<string, Set<ServerResponse>>();

  return {
    async begin(username, response) {
      const mine = running.get(username) ?? new Set();
      running.set(username, mine);
      const [oldest] = mine;
      if (mine.size >= MAX_LISTINGS && oldest !== undefined) {
        mine.delete(oldest);
        oldest.destroy();
      }
      mine.add(response);
      response.once("close", () => {
        mine.delete(response);
        if (mine.size === 0 && running.get(username) === mine) running.delete(username);
      });
      await setImmediate();
      return mine.has(response);
    },
  };
}
