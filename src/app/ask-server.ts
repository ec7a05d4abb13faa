/** Asks one server about many documents: a pool of questions, a memory of misses, and an early end when it is down. */
import { isDue } from "../core/ask-schedule.ts";
import type { Account } from "../model/account.ts";
import type { KnownDigest } from "../model/digest.ts";
import { SyncError, type SyncErrorName } from "../model/error.ts";
import type { Answer } from "../model/plan.ts";
import type { Progress } from "../model/progress.ts";
import type { Clock, OnProgress, OpenKosyncClient, ServerCache } from "./ports.ts";

/** Questions under way at once; the client itself keeps its own cap per host. */
const ASKED_AT_ONCE = 8;

/** Failures that may concern one answer alone; everything else stops the run at once. */
const PASSING: ReadonlySet<SyncErrorName> = new Set(["ServerUnreachable", "NotKosyncServer", "ServerRefused"]);

/** After so many in a row the server is down, and asking on would only keep the reader waiting. */
const FAILURES_TO_GIVE_UP = 5;

export interface AskPorts {
  readonly openClient: OpenKosyncClient;
  readonly cache: ServerCache;
  readonly clock: Clock;
}

/** What may stop a long request, and who hears how far it has come. */
export interface Running {
  readonly signal: AbortSignal;
  readonly progress: OnProgress;
}

/** A question that got no answer: the name of what went wrong. */
export interface Failure {
  readonly document: string;
  readonly error: SyncErrorName;
}

/** What a server said, by book: records, and the failures of single questions. */
export interface Heard {
  readonly answers: Map<number, Answer[]>;
  readonly failures: Map<number, Failure>;
}

interface Asker {
  readonly book_id: number;
  readonly candidate: KnownDigest;
}

/**
 * Asks about every candidate that is due (all of them with `force`), each document once, and sorts the answers by book.
 * Rejects with the SyncError of a server that answers nobody: wrong password, refused certificate, down.
 */
export async function askServer(
  account: Account,
  candidates: ReadonlyMap<number, readonly KnownDigest[]>,
  force: boolean,
  { openClient, cache, clock }: AskPorts,
  { signal, progress }: Running,
): Promise<Heard> {
  const heard: Heard = { answers: new Map(), failures: new Map() };
  const documents = [...askersByDocument(account.id, candidates, force, cache, clock())];
  if (documents.length === 0) return heard;
  const client = await openClient(account);
  let next = 0;
  let done = 0;
  let failedInARow = 0;
  const askInTurn = async (): Promise<void> => {
    for (let entry = documents[next++]; entry !== undefined; entry = documents[next++]) {
      signal.throwIfAborted();
      const [document, askers] = entry;
      try {
        const record = await client.getProgress(document, signal);
        failedInARow = 0;
        if (record === null) cache.keepMiss(account.id, document, clock());
        else {
          cache.forgetMiss(account.id, document);
          noteAnswer(heard, record, askers);
        }
      } catch (error) {
        if (!(error instanceof SyncError) || !PASSING.has(error.kind) || ++failedInARow >= FAILURES_TO_GIVE_UP)
          throw error;
        for (const { book_id } of askers) heard.failures.set(book_id, { document, error: error.kind });
      }
      progress(++done, documents.length, "asking");
    }
  };
  try {
    // A wrong password must be said once, before the first of a thousand questions.
    await client.authorize(signal);
    await Promise.all(Array.from({ length: Math.min(ASKED_AT_ONCE, documents.length) }, askInTurn));
  } finally {
    await client.close();
  }
  return heard;
}

function askersByDocument(
  account_id: string,
  candidates: ReadonlyMap<number, readonly KnownDigest[]>,
  force: boolean,
  cache: ServerCache,
  now: number,
): Map<string, Asker[]> {
  const documents = new Map<string, Asker[]>();
  for (const [book_id, digests] of candidates) {
    for (const candidate of digests) {
      if (!force && !isDue(cache.miss(account_id, candidate.digest), candidate.last_seen, now)) continue;
      const askers = documents.get(candidate.digest);
      if (askers === undefined) documents.set(candidate.digest, [{ book_id, candidate }]);
      else askers.push({ book_id, candidate });
    }
  }
  return documents;
}

function noteAnswer({ answers }: Heard, progress: Progress, askers: readonly Asker[]): void {
  for (const { book_id, candidate } of askers) {
    const answer: Answer = { progress, candidate, place: null };
    const others = answers.get(book_id);
    if (others === undefined) answers.set(book_id, [answer]);
    else others.push(answer);
  }
}
