/** What KOReader's statistics tell of each document, each visit to a page counted once, in however many databases it stands. */
import { figuresOf, unite } from "../core/reading-statistics.ts";
import type { Counting, Visit } from "../core/reading-statistics.ts";
import { Digest } from "../model/digest.ts";
import { OddStatistics } from "../model/reading-statistics.ts";
import type { DocumentStatistics, ReadingStatistics, StatisticsOddity } from "../model/reading-statistics.ts";
import type { BookRow, OpenStatistics, StatisticsFile, VisitRow } from "./ports.ts";

/** Visits of one database, and to one document: forty and more years of reading every day. */
const MOST_VISITS = 2_000_000;
const MOST_VISITS_TO_ONE = 200_000;
/** Pages of a rendering, and seconds of a visit: more is none. */
const MOST_PAGES = 10_000_000;
const LONGEST_VISIT = 86_400;

export interface StatisticsRequest {
  readonly path: string;
  /** Further databases of the same reader, whose visits to these documents count as well. */
  readonly beside: readonly string[];
  readonly counting: Counting;
}

/** Reads one database. Rejects with the signal's reason when that aborts; whatever is wrong with the file is an answer. */
export async function readStatistics(
  { path, beside, counting }: StatisticsRequest,
  open: OpenStatistics,
  signal: AbortSignal,
): Promise<ReadingStatistics> {
  try {
    const own = await gather(path, open, signal);
    const others: Map<string, Visit[]>[] = [];
    for (const other of beside) others.push(await visitsBeside(other, open, signal));
    const documents: DocumentStatistics[] = [];
    for (const [digest, { rows, visits }] of own.documents) {
      const shared = others.map((each) => each.get(digest) ?? []);
      documents.push(toldOf(digest, rows, unite([visits, ...shared]), counting));
    }
    return { documents, odd: own.odd };
  } catch (error) {
    if (!(error instanceof OddStatistics)) throw error;
    return { documents: null, odd: error.reason };
  }
}

interface Gathered {
  readonly documents: Map<string, { readonly rows: BookRow[]; readonly visits: Visit[] }>;
  /** The first thing that was odd about a row, if any was. */
  readonly odd: StatisticsOddity | null;
}

/** The rows of each document: one whose title was edited has several, with visits of their own. */
async function gather(path: string, open: OpenStatistics, signal: AbortSignal): Promise<Gathered> {
  const file = open(path);
  try {
    const documents: Gathered["documents"] = new Map();
    const byId = new Map<number, Visit[]>();
    let odd: StatisticsOddity | null = null;
    for (const row of file.books()) {
      odd ??= row.digest.odd ?? row.title.odd ?? row.authors.odd;
      const digest = Digest.safeParse(row.digest.text);
      if (!digest.success) continue;
      const known = documents.get(digest.data) ?? { rows: [], visits: [] };
      documents.set(digest.data, known);
      known.rows.push(row);
      if (row.id !== null) byId.set(row.id, known.visits);
    }
    await addVisits(file, byId, signal);
    return { documents, odd };
  } finally {
    file.close();
  }
}

async function addVisits(file: StatisticsFile, byId: ReadonlyMap<number, Visit[]>, signal: AbortSignal): Promise<void> {
  let count = 0;
  for await (const rows of file.visits()) {
    signal.throwIfAborted();
    count += rows.length;
    if (count > MOST_VISITS) throw new OddStatistics("endless");
    for (const row of rows) {
      const visits = row.id_book === null ? undefined : byId.get(row.id_book);
      const visit = visitOf(row);
      if (visits === undefined || visit === null) continue;
      if (visits.length >= MOST_VISITS_TO_ONE) throw new OddStatistics("endless");
      visits.push(visit);
    }
  }
}

/** What another database of the same reader adds; one that cannot be read adds nothing, and is told when it is read itself. */
async function visitsBeside(path: string, open: OpenStatistics, signal: AbortSignal): Promise<Map<string, Visit[]>> {
  try {
    const { documents } = await gather(path, open, signal);
    return new Map([...documents].map(([digest, { visits }]) => [digest, visits]));
  } catch (error) {
    if (error instanceof OddStatistics) return new Map();
    throw error;
  }
}

/** A row that KOReader can have written; null for another. */
function visitOf({ page, start, duration, total_pages }: VisitRow): Visit | null {
  const isWhole = [page, start, duration, total_pages].every((value) => Number.isInteger(value));
  if (!isWhole || page === null || start === null || duration === null) return null;
  if (page < 1 || page > MOST_PAGES || duration < 1 || duration > LONGEST_VISIT) return null;
  return { page, start, duration, total_pages: total_pages <= MOST_PAGES ? total_pages : 0 };
}

function toldOf(
  digest: string,
  rows: readonly BookRow[],
  visits: readonly Visit[],
  counting: Counting,
): DocumentStatistics {
  // The row that was opened last has the title, and the rendering, of today.
  const [newest] = rows.toSorted((one, other) => (other.last_open ?? 0) - (one.last_open ?? 0));
  const pages = wholeOf(newest?.pages);
  return {
    digest,
    title: newest?.title.text || null,
    authors: (newest?.authors.text ?? "").split("\n").filter((name) => name !== "" && name !== "N/A"),
    last_open: newest?.last_open || null,
    pages: pages ?? null,
    read: wholeOf(newest?.read),
    ...figuresOf(visits, pages !== null && pages > 0 ? pages : null, counting),
  };
}

function wholeOf(value: number | null | undefined): number | null {
  return Number.isInteger(value) && value !== undefined && value !== null && value <= MOST_PAGES ? value : null;
}
