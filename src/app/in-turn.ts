/** Goes through many questions to one server: several at once, each for itself, ending soon where no word comes any more. */
import { SyncError } from "../model/error.ts";
import type { KosyncClient } from "./ports.ts";

/** Questions under way at once at the most; the client itself keeps the server's own pace. */
const AT_ONCE = 16;

/** After so many questions in the order of asking without a word, or so many milliseconds, the login is asked about. */
const SILENT_QUESTIONS = 20;
const SILENT_MS = 15_000;

/** After so many silent times in a row a server that still lets us in is left alone: it answers nothing else. */
const SILENT_TIMES = 2;

/** What became of one item: the server's word, a failure of its own, or nothing, when the run ended before. */
export type Turn<R> =
  | { readonly status: "word"; readonly value: R }
  | { readonly status: "failed"; readonly error: SyncError }
  | { readonly status: "left" };

export interface Turns<R> {
  /** In the order of the items. */
  readonly turns: readonly Turn<R>[];
  /** Why the run ended before its last item; null when it did not. */
  readonly ended: SyncError | null;
}

export interface InTurn<T, R> {
  readonly items: readonly T[];
  /** One item's questions; a SyncError is this item's own failure. */
  readonly act: (item: T, signal: AbortSignal) => Promise<R>;
  readonly client: Pick<KosyncClient, "authorize" | "finish">;
  readonly signal: AbortSignal;
  /** After each item, with the number done. */
  readonly onDone?: (done: number) => void;
  readonly at_once?: number;
  /**
   * Whether the items change something there: then nothing is begun before a first word from the server, and what is under
   * way when the run ends is brought to its end, so that its outcome is known.
   */
  readonly writes?: boolean;
}

/** What concerns every item alike: there is no point in asking on. */
function concernsAll({ kind }: SyncError): boolean {
  return kind === "Unauthorized" || kind === "CertificateRefused";
}

/** A server that has had too many, for longer than its pace is kept back, is asked at once whether it speaks at all. */
function isShutOut({ kind, data }: SyncError): boolean {
  return kind === "ServerRefused" && data["status"] === 429;
}

/**
 * Asks the server for its first word before anything is changed on it: why it has none, or null. Rejects where it lets
 * nobody in, and when cancelled.
 */
async function knock(client: Pick<KosyncClient, "authorize">, signal: AbortSignal): Promise<SyncError | null> {
  try {
    await client.authorize(signal);
    return null;
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind === "Cancelled" || concernsAll(error)) throw error;
    return error;
  }
}

/** Takes the items in turn. Rejects with Cancelled when the signal aborts; whatever else goes wrong is in what it returns. */
export async function inTurn<T, R>({
  items,
  act,
  client,
  signal,
  onDone,
  at_once = AT_ONCE,
  writes = false,
}: InTurn<T, R>): Promise<Turns<R>> {
  const turns: Turn<R>[] = items.map(() => ({ status: "left" }));
  const silent = writes ? await knock(client, signal) : null;
  if (silent !== null) return { turns, ended: silent };
  const stop = new AbortController();
  const stopped = AbortSignal.any([signal, stop.signal]);
  let ended: SyncError | null = null;
  let next = 0;
  let done = 0;
  /** Items before this one are behind the last sign of life. */
  let heardUpTo = 0;
  let silentTimes = 0;
  let checking: Promise<void> | null = null;
  /** What is no server's doing: it is thrown in the end, whatever has been heard. */
  let fault: { readonly error: unknown } | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function end(error: SyncError): void {
    ended ??= error;
    if (writes) client.finish();
    stop.abort(error);
  }

  /** Asks whether the server still lets us in; no word ends the run. */
  async function knockAgain(last: SyncError | null): Promise<void> {
    try {
      await client.authorize(stopped);
      heardUpTo = next;
      if (silentTimes >= SILENT_TIMES) end(last ?? new SyncError("ServerUnreachable", { cause: "timeout" }));
    } catch (error) {
      if (stopped.aborted) return;
      if (!(error instanceof SyncError)) throw error;
      end(error);
    }
  }

  function check(last: SyncError | null): void {
    checking ??= knockAgain(last)
      .catch((error: unknown) => {
        fault ??= { error };
        stop.abort();
      })
      .finally(() => {
        checking = null;
        watch();
      });
  }

  function watch(): void {
    clearTimeout(timer);
    if (!stopped.aborted && done < items.length) timer = setTimeout(beSilent, SILENT_MS);
  }

  function beSilent(): void {
    silentTimes += 1;
    check(lastFailure());
  }

  function lastFailure(): SyncError | null {
    const failed = turns.findLast((turn) => turn.status === "failed");
    return failed?.status === "failed" ? failed.error : null;
  }

  /** Whether so many in a row, as they were asked, have failed since the last word. */
  function isSilentAround(index: number): boolean {
    let from = index;
    while (from > heardUpTo && turns[from - 1]?.status === "failed") from -= 1;
    let to = index;
    while (to + 1 < next && turns[to + 1]?.status === "failed") to += 1;
    return to - from + 1 >= SILENT_QUESTIONS;
  }

  function failed(index: number, error: SyncError): void {
    turns[index] = { status: "failed", error };
    if (concernsAll(error)) end(error);
    else if (index >= heardUpTo && (isShutOut(error) || isSilentAround(index))) check(error);
  }

  async function takeOne(index: number, item: T): Promise<void> {
    try {
      const value = await act(item, writes ? signal : stopped);
      turns[index] = { status: "word", value };
      silentTimes = 0;
      watch();
    } catch (error) {
      // What was broken off when the run ended has had no answer of its own.
      if (stopped.aborted) return;
      if (!(error instanceof SyncError) || error.kind === "Cancelled") throw error;
      failed(index, error);
    }
    done += 1;
    onDone?.(done);
  }

  async function goThrough(): Promise<void> {
    while (next < items.length && !stopped.aborted) {
      const index = next++;
      const item = items[index];
      if (item !== undefined) await takeOne(index, item);
    }
  }

  watch();
  try {
    await Promise.all(Array.from({ length: Math.min(at_once, items.length) }, goThrough));
    await (checking as Promise<void> | null);
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
  const broken = fault as { readonly error: unknown } | null;
  if (broken !== null) throw broken.error;
  if (signal.aborted) throw new SyncError("Cancelled");
  return { turns, ended };
}
