/** How many questions a day a server is asked: the public one is shared by everybody and paid for by few. */

/** Servers that many strangers share, and what one library asks of them a day at the most. */
const SHARED_SERVERS: Readonly<Record<string, number>> = { "sync.koreader.rocks": 2000 };

/** Questions a day for the server at this URL; a server of the reader's own is asked whatever there is to ask. */
export function dailyAllowance(url: string): number {
  const host = /^(?:https?:\/\/)?(?:[^/@]*@)?([^/:]+)/i.exec(url)?.[1]?.toLowerCase() ?? "";
  return SHARED_SERVERS[host] ?? Number.POSITIVE_INFINITY;
}

/** The day an allowance is counted for: whole days of UTC since the epoch. */
export function dayOf(now: number): number {
  return Math.floor(now / 86_400);
}
