/** Tells who asked a hosted server last, a few times a second at most: neither a busy nor a hostile network fills the pipe. */
import type { Visit } from "../src/model/hosting.ts";

/** Milliseconds for which the last one is waited for. */
const GATHERED_MS = 200;

/** Characters of a name: more than any account has. */
const LONGEST_NAME = 256;

/** What is noted is told a moment later, the last of it. */
export function createVisits(tell: (visit: Visit) => void): (visit: Visit) => void {
  let last: Visit | null = null;

  function flush(): void {
    if (last !== null) tell(last);
    last = null;
  }

  return ({ username, admitted }) => {
    // It keeps no process that wants to end.
    if (last === null) setTimeout(flush, GATHERED_MS).unref();
    last = { username: username.slice(0, LONGEST_NAME), admitted };
  };
}
