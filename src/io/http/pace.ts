/** How fast one server is asked: several requests at once, more while it keeps up, fewer when it says it is busy. */

import type { Pacing } from "../../model/pacing.ts";

/** What one request brought: an answer, a "too many" (429, 503) with the pause it asks for, or nothing. */
export type Heard =
  | { readonly status: "answered" }
  | { readonly status: "busy"; readonly pause_ms: number }
  | { readonly status: "silent" };

export interface Pace {
  /**
   * Waits for a turn and returns how to end it; rejects with the signal's reason when it aborts before. What is
   * `urgent` goes before all others in line.
   */
  enter(signal?: AbortSignal, urgent?: boolean): Promise<(heard: Heard) => void>;
  now(): Pacing;
}

/** The first "too many" sets requests so far apart; each further one doubles it. */
const FIRST_APART_MS = 50;
const MOST_APART_MS = 2000;

/** With each answer requests come so much closer again: a limit is tried anew about once in fourteen answers. */
const CLOSER = 0.95;

/** Below this the distance is forgotten. */
const NEGLIGIBLE_MS = 5;

/** A pace for one server, between the widest and the farthest apart. Waits are shaken, so that many clients do not come back together. */
export function createPace(start: Pacing, most: number, most_apart_ms: number = MOST_APART_MS): Pace {
  let at_once = Math.max(1, Math.min(start.at_once, most));
  let apart_ms = Math.max(0, Math.min(start.apart_ms, most_apart_ms));
  let under_way = 0;
  let answers = 0;
  /** Requests that started before the last "too many" tell nothing new about the pace after it. */
  let changed = -Infinity;
  /** No request starts before; in the time of `performance.now()`. */
  let not_before = 0;
  let timer: ReturnType<typeof setTimeout> | null = null;
  const line: (() => void)[] = [];

  function slowDown(started: number, pause_ms: number): void {
    const now = performance.now();
    if (started >= changed) {
      at_once = Math.max(1, Math.floor(at_once / 2));
      apart_ms = Math.min(most_apart_ms, Math.max(FIRST_APART_MS, apart_ms * 2));
      answers = 0;
      changed = now;
    }
    not_before = Math.max(not_before, now + pause_ms, now + apart_ms * (1 + Math.random()));
  }

  function speedUp(): void {
    answers += 1;
    apart_ms = apart_ms * CLOSER < NEGLIGIBLE_MS ? 0 : apart_ms * CLOSER;
    if (answers < at_once) return;
    answers = 0;
    at_once = Math.min(most, at_once + 1);
  }

  function admit(): void {
    while (line.length > 0 && under_way < at_once) {
      const wait = not_before - performance.now();
      if (wait > 0) {
        timer ??= setTimeout(() => {
          timer = null;
          admit();
        }, wait);
        return;
      }
      if (apart_ms > 0) not_before = performance.now() + apart_ms;
      under_way += 1;
      line.shift()?.();
    }
    if (line.length === 0 && timer !== null) {
      clearTimeout(timer);
      timer = null;
    }
  }

  /** Ending twice would let one too many in. */
  function turn(): (heard: Heard) => void {
    const started = performance.now();
    let ended = false;
    return (heard) => {
      if (ended) return;
      ended = true;
      under_way -= 1;
      if (heard.status === "busy") slowDown(started, heard.pause_ms);
      else if (heard.status === "answered") speedUp();
      admit();
    };
  }

  return {
    now: () => ({ at_once, apart_ms }),
    enter: (signal, urgent = false) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason);
          return;
        }
        const begin = (): void => {
          signal?.removeEventListener("abort", giveUp);
          resolve(turn());
        };
        const giveUp = (): void => {
          line.splice(line.indexOf(begin), 1);
          admit();
          reject(signal?.reason);
        };
        signal?.addEventListener("abort", giveUp, { once: true });
        if (urgent) line.unshift(begin);
        else line.push(begin);
        admit();
      }),
  };
}
