/** KOReader's own figures of one document, from the visits to its pages that it has counted. */
import { MOST_DAYS } from "../model/device-reading.ts";
import { dayOf } from "./dates.ts";

/** One stay at a page of a rendering with so many pages; epoch seconds and seconds. */
export interface Visit {
  readonly page: number;
  readonly start: number;
  readonly duration: number;
  /** 0 where it is not known. */
  readonly total_pages: number;
}

export interface Counting {
  /** How long a page counts at most for the pace, in seconds: KOReader's own setting. */
  readonly longest: number;
  /** IANA name of where the reader lives. */
  readonly time_zone: string | null;
  /** Epoch seconds. */
  readonly now: number;
}

export interface Figures {
  read_time: number;
  /** Days since 1970-01-01, in order. */
  read_on: number[];
  pace: number | null;
  time_left: number | null;
  started: number | null;
  last_read: number | null;
}

/** Before it there was no KOReader: what a clock that has lost its date tells. */
const EARLIEST = Date.UTC(2011, 0, 1) / 1000;
const DAY = 86_400;
/** No border between two days, in no zone, falls within such a stretch. */
const QUARTER = 900;

/**
 * Visits of one document, each once: databases that were brought together by a cloud hold the same ones, and where they
 * disagree KOReader takes the longer.
 */
export function unite(databases: readonly (readonly Visit[])[]): Visit[] {
  const united = new Map<string, Visit>();
  for (const visit of databases.flat()) {
    const key = `${visit.page} ${visit.start}`;
    const known = united.get(key);
    if (known === undefined || known.duration < visit.duration) united.set(key, visit);
  }
  return [...united.values()];
}

/** The figures; `pages` is how many the last rendering had, null where that is not known. */
export function figuresOf(visits: readonly Visit[], pages: number | null, counting: Counting): Figures {
  const dated = visits
    .filter(({ start }) => start >= EARLIEST && start <= counting.now + DAY)
    .toSorted((one, other) => one.start - other.start);
  const last = dated.at(-1);
  const rendered = pages ?? (last !== undefined && last.total_pages > 0 ? last.total_pages : null);
  const pace = rendered === null ? null : paceOf(visits, rendered, counting.longest);
  const here = last === undefined || rendered === null ? null : spread(last, rendered);
  return {
    read_time: visits.reduce((sum, { duration }) => sum + duration, 0),
    read_on: daysOf(dated, counting.time_zone),
    pace,
    time_left: pace === null || here === null || rendered === null ? null : Math.round((rendered - here.last) * pace),
    started: dated[0]?.start ?? null,
    last_read: last === undefined ? null : dated.reduce((end, visit) => Math.max(end, visit.start + visit.duration), 0),
  };
}

/** The pages of a rendering of `pages` that a visit of another rendering stands for, both counted from 1. */
function spread({ page, total_pages }: Visit, pages: number): { first: number; last: number } | null {
  if (total_pages <= 0 || page > total_pages) return null;
  const first = Math.floor(((page - 1) * pages) / total_pages) + 1;
  return { first, last: Math.max(first, Math.floor((page * pages) / total_pages)) };
}

/**
 * Seconds a page. KOReader gives each page of the rendering its share of a visit in whole seconds, so that a rendering of
 * many pages loses them all; the shares here are exact.
 */
function paceOf(visits: readonly Visit[], pages: number, longest: number): number | null {
  // Where the sum for a page changes; between two of these all pages have the same.
  const steps = new Map<number, { seconds: number; visits: number }>();
  const step = (page: number, seconds: number, count: number): void => {
    const known = steps.get(page) ?? { seconds: 0, visits: 0 };
    steps.set(page, { seconds: known.seconds + seconds, visits: known.visits + count });
  };
  for (const visit of visits) {
    const on = spread(visit, pages);
    if (on === null) continue;
    const share = visit.duration / (on.last - on.first + 1);
    step(on.first, share, 1);
    step(on.last + 1, -share, -1);
  }
  let [seconds, count, time, read, from] = [0, 0, 0, 0, 0];
  for (const [page, change] of [...steps].toSorted(([one], [other]) => one - other)) {
    if (count > 0) {
      time += Math.min(seconds, longest) * (page - from);
      read += page - from;
    }
    seconds += change.seconds;
    count += change.visits;
    from = page;
  }
  return read === 0 ? null : time / read;
}

function daysOf(visits: readonly Visit[], timeZone: string | null): number[] {
  const quarters = new Set(visits.map(({ start }) => Math.floor(start / QUARTER)));
  const days = new Set([...quarters].map((quarter) => dayOf(quarter * QUARTER, timeZone)));
  return [...days]
    .map((day) => Date.parse(day) / 1000 / DAY)
    .toSorted((one, other) => one - other)
    .slice(-MOST_DAYS);
}
