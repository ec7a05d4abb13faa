/** A moment as KOReader writes it, in its device's own time without a zone, as an instant. */

const FORMATS = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = FORMATS.get(timeZone);
  if (format === undefined) {
    // Swedes write dates as everybody should: 2026-11-20 21:04:05.
    format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
    FORMATS.set(timeZone, format);
  }
  return format;
}

function asUtc(local: string): number {
  return Date.parse(`${local.replace(" ", "T")}Z`);
}

/** Takes `YYYY-MM-DD HH:MM:SS` and an IANA zone (null: UTC); milliseconds since the epoch, 0 for what is no date. */
export function momentOf(local: string, timeZone: string | null): number {
  const wanted = asUtc(local);
  if (Number.isNaN(wanted)) return 0;
  if (timeZone === null) return wanted;
  let instant = wanted;
  // Twice, for the first guess may stand on the other side of a change to summer time.
  for (let round = 0; round < 2; round += 1) instant += wanted - asUtc(formatOf(timeZone).format(instant));
  return instant;
}

/** As calibre's viewer writes it: all digits, for it compares these as text. */
export function stampOf(local: string, timeZone: string | null): string {
  return new Date(momentOf(local, timeZone)).toISOString();
}
