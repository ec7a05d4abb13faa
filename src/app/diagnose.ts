/** Tries, step by step, what a sync would do with a server; stops at the first step that fails. */
import { NOTHING_HEARD, findingsOf, type Heard } from "../core/findings.ts";
import type { Account } from "../model/account.ts";
import type { KnownDigest } from "../model/digest.ts";
import type { Check, Diagnosis } from "../model/diagnosis.ts";
import { SyncError } from "../model/error.ts";
import { authorizeAccount } from "./account.ts";
import type { Clock, FindServer, KosyncClient, OpenKosyncClient } from "./ports.ts";

export interface DiagnosePorts {
  readonly findServer: FindServer;
  readonly openClient: OpenKosyncClient;
  readonly clock: Clock;
}

/** A digest that no file has: asking for it changes nothing and must be answered with "unknown". */
const NOBODYS_DOCUMENT = "0".repeat(32);

/** A book whose digests are looked for, one by one: enough to see under which of them a reader syncs. */
const MOST_DIGESTS = 20;

/** What `diagnose` looks at. */
export interface DiagnoseRequest {
  readonly account: Account;
  /** Of one book, to see which of them the server knows; empty for none. */
  readonly digests: readonly KnownDigest[];
}

/** Finds the server, logs in, asks for an unknown document and a book's, and sees whether it can list. Changes nothing there. */
export async function diagnose(
  { account, digests }: DiagnoseRequest,
  ports: DiagnosePorts,
  signal: AbortSignal,
): Promise<Diagnosis> {
  const checks: Check[] = [];
  const attempt = attempting(checks, ports.clock);
  // A wrong password shows that the server was found, and is not tried twice: some count how often that happens.
  let refused: SyncError | null = null;
  const url = await attempt("find_server", async () => {
    try {
      return (await authorizeAccount(account, ports, signal)).url;
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== "Unauthorized") throw error;
      refused = error;
      return String(error.data["url"]);
    }
  });
  let heard: Heard = NOTHING_HEARD;
  if (refused !== null) await attempt("log_in", () => Promise.reject(refused));
  else if (url !== null) {
    const client = await ports.openClient({ ...account, url });
    try {
      heard = await tryClient(client, digests.slice(0, MOST_DIGESTS), attempt, signal);
    } finally {
      await client.close();
    }
  }
  return { url, checks, findings: findingsOf({ account, url, checks, heard }) };
}

/** Notes how each step went; a step that failed gives null. */
function attempting(checks: Check[], clock: Clock): Attempt {
  return async (name, act) => {
    const started = clock();
    const took = (): number => Math.round((clock() - started) * 1000);
    try {
      const result = await act();
      checks.push({ name, ok: true, took: took(), error: null });
      return result;
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind === "Cancelled") throw error;
      checks.push({ name, ok: false, took: took(), error: { name: error.kind, data: { ...error.data } } });
      return null;
    }
  };
}

type Attempt = <T>(name: Check["name"], act: () => Promise<T>) => Promise<T | null>;

async function tryClient(
  client: KosyncClient,
  digests: readonly KnownDigest[],
  attempt: Attempt,
  signal: AbortSignal,
): Promise<Heard> {
  const letIn = await attempt("log_in", () => client.authorize(signal));
  if (letIn === null) return NOTHING_HEARD;
  await attempt("ask", () => client.getProgress(NOBODYS_DOCUMENT, signal));
  const ahead = client.clockAhead();
  // Most servers cannot list. That is no fault of theirs: the step is told only where it is possible, or fails.
  const list = await attempt("list", () => client.listDocuments(signal));
  const asked: Heard["asked"][number][] = [];
  const askAll = async (): Promise<void> => {
    for (const digest of digests) {
      const progress = await client.getProgress(digest.digest, signal);
      asked.push({ digest, percentage: progress?.percentage ?? null });
    }
  };
  if (digests.length > 0) await attempt("ask_book", askAll);
  return { login_shown: letIn.shown, ahead, documents: list === null ? null : list.documents.length, asked };
}
