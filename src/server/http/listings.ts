import type { ServerResponse } from "node:http";

/** So many listings an account may be reading at once. */
const MAX_LISTINGS = 8;

/** The listings that are being sent, of each account. */
export interface Listings {
  /** Another one begins; of too many the one that began first is given up: whoever reads slowly may have gone to sleep. */
  begin(username: string, response: ServerResponse): void;
}

/** The listings of one server: what each of them holds is bounded, and so is their number. */
export function createListings(): Listings {
  const running = new Map<string, Set<ServerResponse>>();

  return {
    begin(username, response) {
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
    },
  };
}
