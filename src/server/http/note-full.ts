import type { Log } from "./log.ts";

/** So many accounts are remembered as told of. */
const MAX_ACCOUNTS = 1000;

/** Says of each account once that it is full; who it is stays out of the log, as all names do. */
export function createFullNote(log: Log): (username: string, address: string) => void {
  const told = new Set<string>();
  return (username, address) => {
    if (told.has(username)) return;
    if (told.size >= MAX_ACCOUNTS) told.clear();
    told.add(username);
    log.error("account_full", { address });
  };
}
