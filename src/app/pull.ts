/** Pull: digests, questions to the server, a plan. Nothing is written here. */
import { chooseCandidates } from "../core/candidates.ts";
import { planCarryOvers } from "../core/carry-over.ts";
import { filenameDigest } from "../core/digest.ts";
import { planPull } from "../core/plan-pull.ts";
import { settleConflicts } from "../core/settle-conflicts.ts";
import type { Account } from "../model/account.ts";
import type { KnownDigest } from "../model/digest.ts";
import { SyncError } from "../model/error.ts";
import type { Book, BookFormat, DigestFinding, PullPlan, Reading } from "../model/plan.ts";
import type { ConflictPolicy, Profile } from "../model/profile.ts";
import { why } from "../model/why.ts";
import { askServer, type AskPorts, type Failure, type Running } from "./ask-server.ts";
import type { BookFiles } from "./ports.ts";

export interface PullRequest {
  readonly books: readonly Book[];
  readonly account: Account;
  readonly profile: Profile;
  /** Ask for every candidate, also those that the server did not know a short while ago. */
  readonly force: boolean;
  /** How to decide what planning leaves for a person to decide; null leaves it. */
  readonly settle: ConflictPolicy | null;
}

export interface PullPorts extends AskPorts {
  readonly files: BookFiles;
}

/** Plans what a server's progress would change in these books. Rejects as `askServer` does. */
export async function pull(request: PullRequest, ports: PullPorts, running: Running): Promise<PullPlan> {
  const { books, account, profile, force, settle } = request;
  const now = ports.clock();
  const computed = await digestLibrary(request, ports, running);
  const subjects = books.map(({ book_id, digests, news }) => ({
    book_id,
    news,
    candidates: chooseCandidates([...digests, ...(computed.get(book_id) ?? [])], profile.matching),
  }));
  const { answers, failures, waiting } = await askServer(account, subjects, force, ports, running);
  running.progress(0, 1, "planning");
  const readings: Reading[] = books.map((book) => ({ book, answers: answers.get(book.book_id) ?? [] }));
  const asking = planPull(readings, profile, now);
  const plan = settle === null ? asking : settleConflicts(asking, settle);
  running.progress(1, 1, "planning");
  const carry_overs = planCarryOvers(readings, profile.rules.reading_from);
  return { ...withUnasked(withFailures(plan, failures), waiting), digests: findings(readings, now), carry_overs };
}

/** A book that the server failed to answer is not one it does not know: it is said, and asked again next time. */
function withFailures(plan: PullPlan, failures: ReadonlyMap<number, Failure>): PullPlan {
  const failed = plan.unanswered.flatMap((book_id) => {
    const failure = failures.get(book_id);
    return failure === undefined ? [] : [{ book_id, reason: why("answer_failed", { ...failure }) }];
  });
  const ids = new Set(failed.map(({ book_id }) => book_id));
  return {
    ...plan,
    unanswered: plan.unanswered.filter((book_id) => !ids.has(book_id)),
    skipped: [...plan.skipped.filter(({ book_id }) => !ids.has(book_id)), ...failed],
  };
}

/** Books that were not asked about this time, or not about all their digests, and when they last were. */
function withUnasked(plan: PullPlan, waiting: ReadonlyMap<number, number | null>): PullPlan {
  const skipped = plan.skipped.map((skip) => {
    const asked = waiting.get(skip.book_id);
    return asked === undefined || skip.reason.code !== "not_on_server"
      ? skip
      : { book_id: skip.book_id, reason: why("not_asked", { asked }) };
  });
  return { ...plan, skipped };
}

/** A book's own files, and the names its copies may bear, as candidates. */
async function digestLibrary(
  { books, profile }: PullRequest,
  { files, cache, clock }: PullPorts,
  { signal, progress }: Running,
): Promise<Map<number, KnownDigest[]>> {
  const found = new Map<number, KnownDigest[]>();
  const now = clock();
  for (const [index, book] of books.entries()) {
    const digests: KnownDigest[] = [];
    if (profile.matching !== "filename") {
      for (const format of book.formats) {
        const digest = await digestOf(format, files, cache, signal);
        if (digest !== null) digests.push({ ...unseen(digest, now), format: format.format, size: format.size });
      }
    }
    if (profile.matching !== "binary") {
      for (const name of book.names) digests.push({ ...unseen(filenameDigest(name), now), kind: "filename", name });
    }
    found.set(book.book_id, digests);
    progress(index + 1, books.length, "digests");
  }
  return found;
}

async function digestOf(
  { path, size, mtime }: BookFormat,
  files: BookFiles,
  cache: PullPorts["cache"],
  signal: AbortSignal,
): Promise<string | null> {
  const known = cache.fileDigest(path, size, mtime);
  if (known !== null) return known;
  try {
    const { partial_md5 } = await files.digest(path, signal);
    cache.keepFileDigest(path, size, mtime, partial_md5);
    return partial_md5;
  } catch (error) {
    // One file that cannot be read must not stop the other books; its book is still found by its history.
    if (error instanceof SyncError && error.kind === "BookUnreadable") return null;
    throw error;
  }
}

/** A digest that no copy is known to have: it may be asked about, and a miss of it is no surprise. */
function unseen(digest: string, now: number): KnownDigest {
  return {
    digest,
    kind: "partial_md5",
    source: "library",
    format: null,
    name: null,
    size: null,
    content_key: null,
    device: null,
    first_seen: now,
    last_seen: 0,
    answered: null,
  };
}

/** Digests that answered: worth remembering for ever. */
function findings(readings: readonly Reading[], now: number): DigestFinding[] {
  return readings.flatMap(({ book, answers }) =>
    answers.map(({ candidate }) => ({
      book_id: book.book_id,
      digest: { ...candidate, last_seen: now, answered: now },
    })),
  );
}
