/** When a document that a server did not know is worth asking about again. */

const HOUR = 3600;
const DAY = 24 * HOUR;

/** Seconds to wait after so many misses in a row: a book just sent may be opened tonight, one never seen rarely is. */
const WAITS = [HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY] as const;

/**
 * Whether to ask now (epoch seconds). `news` is when something last happened to this digest on our side
 * (sent, downloaded, seen on a device, added): anything newer than the last question makes it worth asking.
 */
export function isDue(miss: { asked: number; times: number } | null, news: number, now: number): boolean {
  if (miss === null || news > miss.asked || miss.asked > now) return true;
  const wait = WAITS[Math.min(miss.times, WAITS.length) - 1] ?? HOUR;
  return now - miss.asked >= wait;
}
