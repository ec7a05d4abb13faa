/** The text calibre takes for an instant: ISO 8601 in UTC with its offset written out, whole seconds. Takes epoch seconds. */
export function formatInstant(seconds: number): string {
  // Python before 3.11 does not read the letter Z, hence the offset in figures.
  return `${new Date(Math.floor(seconds) * 1000).toISOString().slice(0, 19)}+00:00`;
}

/** Reads a date cell into epoch seconds; null for what is no date, and for calibre's "undefined date" of the year 101. */
export function parseInstant(text: string): number | null {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds) || milliseconds < 0) return null;
  return milliseconds / 1000;
}

const DAYS = new Map<string, Intl.DateTimeFormat>();

function dayFormat(timeZone: string | null): Intl.DateTimeFormat {
  const zone = timeZone ?? "UTC";
  let format = DAYS.get(zone);
  if (format === undefined) {
    const options = { year: "numeric", month: "2-digit", day: "2-digit" } as const;
    try {
      format = new Intl.DateTimeFormat("en-CA", { ...options, timeZone: zone });
    } catch {
      // A zone this runtime has never heard of: a day that is off by hours is better than no sync.
      format = new Intl.DateTimeFormat("en-CA", { ...options, timeZone: "UTC" });
    }
    DAYS.set(zone, format);
  }
  return format;
}

/** The calendar day of an instant (epoch seconds) where the reader lives, as YYYY-MM-DD; `timeZone` is an IANA name, null for UTC. */
export function dayOf(seconds: number, timeZone: string | null): string {
  const parts = dayFormat(timeZone).formatToParts(new Date(seconds * 1000));
  const part = (type: string): string => parts.find((found) => found.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")}`;
}
