/** Gathers the places that arrive at a hosted server, so that a busy one does not fill the pipe with a line for each. */
import type { ArrivedPlace } from "../src/model/hosting.ts";
import { PLACES_PER_NOTICE } from "./contract.ts";

/** Milliseconds for which places are gathered: nobody waits for them. */
const GATHERED_MS = 200;

export interface Arrivals {
  readonly note: (place: ArrivedPlace) => void;
}

/** `tell` is given the newest place of each user's document, at most `PLACES_PER_NOTICE` at once. */
export function createArrivals(tell: (places: ArrivedPlace[]) => void): Arrivals {
  const gathered = new Map<string, ArrivedPlace>();
  let timer: NodeJS.Timeout | null = null;

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const places = [...gathered.values()];
    gathered.clear();
    tell(places);
  }

  return {
    note(place) {
      gathered.set(JSON.stringify([place.username, place.document]), place);
      if (gathered.size >= PLACES_PER_NOTICE) flush();
      // It keeps no process that wants to end.
      else timer ??= setTimeout(flush, GATHERED_MS).unref();
    },
  };
}
