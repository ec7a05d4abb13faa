/** When to ask again, and how long to wait before. */
import { setTimeout } from "node:timers/promises";
import { SyncError } from "../../model/error.ts";

/** A server that asks for a longer pause than this, in milliseconds, is left alone for now. */
export const LONGEST_PAUSE = 20_000;

const FIRST_PAUSE = 250;

/** Tries of a request that a server had too many of; the pace sets them apart. */
const BUSY_TRIES = 6;

/** "Too many", or "not now": the pace of all requests is to be changed, not only this one asked again. */
export function isBusy(status: number): boolean {
  return status === 429 || status === 503;
}

/** Statuses that can be another one a moment later. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 425 || isBusy(status) || (status >= 500 && ![501, 505, 511].includes(status));
}

/** Milliseconds that a `Retry-After` asks for (seconds or an HTTP date), or null when it says nothing useful. */
export function readRetryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  const seconds = /^\s*\d+(\.\d+)?\s*$/.test(header) ? Number(header) : NaN;
  const wait = Number.isNaN(seconds) ? Date.parse(header) - now : seconds * 1000;
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}

/** Doubles with each attempt; anywhere in its upper half, so that many clients do not come back together. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const full = FIRST_PAUSE * 2 ** (attempt - 1);
  return full / 2 + (random() * full) / 2;
}

/**
 * How long to wait in milliseconds before a request that was answered so is tried again, or null when the answer is
 * final. `tries` were made, `most` are allowed. A busy server is waited for in line, where the pace is kept.
 */
export function pauseAfter(
  { status, retry_after }: { readonly status: number; readonly retry_after: string | null },
  tries: number,
  most: number,
  now: number,
): number | null {
  if (!isPassing(status)) return null;
  if (!isBusy(status)) return tries < most ? backoff(tries) : null;
  if (most === 1 || tries >= BUSY_TRIES) return null;
  return (readRetryAfter(retry_after, now) ?? 0) > LONGEST_PAUSE ? null : 0;
}

/** Waits so many milliseconds; rejects with Cancelled as soon as the signal aborts. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch {
    throw new SyncError("Cancelled");
  }
}
