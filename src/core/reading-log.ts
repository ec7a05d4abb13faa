import type { Observation } from "../model/plan.ts";
import type { LoggedBook, ReadThrough, ReadingStory } from "../model/reading-log.ts";
import { formatCsv } from "./csv.ts";
import { dayOf, formatInstant } from "./dates.ts";
import { cutReadings, heardAt, readObservations } from "./read-throughs.ts";
import type { Limits } from "./read-throughs.ts";

/** Tells the story of one book from its log: days read, readings, time to finish. `timeZone` as in `dayOf`. */
export function tellReading(
  observations: readonly Observation[],
  rules: Limits,
  timeZone: string | null,
): ReadingStory {
  const read = readObservations(observations, rules);
  const daysOf = (some: readonly Observation[]): string[] => [
    ...new Set(some.map((observation) => dayOf(heardAt(observation), timeZone))),
  ];
  const readings = cutReadings(read, rules).map((reading): ReadThrough => {
    const begun = reading.find(
      ({ progress: { percentage } }) => percentage >= rules.reading_from && percentage < rules.finish_at,
    );
    const end = reading.find(({ progress }) => progress.percentage >= rules.finish_at);
    return {
      started: begun === undefined ? null : heardAt(begun),
      finished: end === undefined ? null : heardAt(end),
      days: daysOf(reading).length,
    };
  });
  const finished = readings.filter((reading) => reading.finished !== null);
  const whole = finished.findLast(({ started }) => started !== null);
  return {
    days: daysOf(read),
    readings,
    times_read: finished.length,
    time_to_finish: whole === undefined ? null : (whole.finished ?? 0) - (whole.started ?? 0),
    points: read.map((observation) => ({
      at: heardAt(observation),
      percentage: observation.progress.percentage,
      device: observation.progress.device,
    })),
  };
}

const HEAD = ["title", "authors", "uuid", "read_at", "heard_at", "percentage", "device", "document", "progress"];

/** The logs as CSV (RFC 4180, a header, CR LF), one observation a row, times ISO 8601, percentages as shares. */
export function exportCsv(books: readonly LoggedBook[]): string {
  const rows = books.flatMap(({ uuid, title, authors, observations }) =>
    observations.map((observation) => {
      const { document, percentage, progress, device, timestamp } = observation.progress;
      const readAt = timestamp === null ? "" : formatInstant(timestamp);
      const words = [title, authors.join(" & "), uuid, readAt, formatInstant(observation.at)];
      return [...words, String(percentage), device, document, progress];
    }),
  );
  return formatCsv([HEAD, ...rows]);
}

/** The logs as JSON, one object a book, with its story. */
export function exportJson(books: readonly LoggedBook[], rules: Limits, timeZone: string | null): string {
  const told = books.map(({ observations, ...book }) => ({
    ...book,
    story: tellReading(observations, rules, timeZone),
    observations: observations.map(({ at, progress }) => ({ at, ...progress })),
  }));
  return `${JSON.stringify(told, null, 2)}\n`;
}
