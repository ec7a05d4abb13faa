/** Tries, step by step, what a sync would do with a server; stops at the first step that fails. */
import type { Account } from "../model/account.ts";
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

/** Finds the server, logs in, asks for an unknown document, and sees whether it can list. Changes nothing there. */
export async function diagnose(account: Account, ports: DiagnosePorts, signal: AbortSignal): Promise<Diagnosis> {
  const checks: Check[] = [];
  const attempt = async <T>(name: Check["name"], act: () => Promise<T>): Promise<T | null> => {
    const started = ports.clock();
    const took = (): number => Math.round((ports.clock() - started) * 1000);
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
  if (url === null) return { url, checks };
  if (refused !== null) {
    await attempt("log_in", () => Promise.reject(refused));
    return { url, checks };
  }
  const client = await ports.openClient({ ...account, url });
  try {
    await tryClient(client, attempt, signal);
  } finally {
    await client.close();
  }
  return { url, checks };
}

type Attempt = <T>(name: Check["name"], act: () => Promise<T>) => Promise<T | null>;

async function tryClient(client: KosyncClient, attempt: Attempt, signal: AbortSignal): Promise<void> {
  const letIn = await attempt("log_in", async () => {
    await client.authorize(signal);
    return true;
  });
  if (letIn === null) return;
  await attempt("ask", () => client.getProgress(NOBODYS_DOCUMENT, signal));
  // Most servers cannot list. That is no fault of theirs: the step is told only where it is possible, or fails.
  await attempt("list", async () => (await client.listDocuments(signal)) !== null);
}
