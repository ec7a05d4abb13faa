/** When to ask again, and how long to wait before. */
import { setTimeout } from "node:timers/promises";
import { SyncError } from "../../model/error.ts";
import type { HttpAnswer } from "./request.ts";

/** A server that asks for a longer pause than this, in milliseconds, is left alone for now. */
const LONGEST_PAUSE = 20_000;

const FIRST_PAUSE = 250;

/** Statuses that can be another one a moment later. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
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

/** How long to wait in milliseconds after this answer, or null when it is final. */
export function pauseAfter(answer: HttpAnswer, attempt: number, now: number): number | null {
  if (!isPassing(answer.status)) return null;
  const asked = readRetryAfter(answer.retry_after, now);
  if (asked !== null && asked > LONGEST_PAUSE) return null;
  return Math.max(asked ?? 0, backoff(attempt));
}

/** Waits so many milliseconds; rejects with Cancelled as soon as the signal aborts. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch {
    throw new SyncError("Cancelled");
  }
}
