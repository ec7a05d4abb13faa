import type { Observation } from "../model/plan.ts";
import type { Rules } from "../model/profile.ts";
import { isOwn, isPeek } from "./peek.ts";

/** Shares that are computed from whole percent carry noise in their last digits. */
export const NOISE = 1e-9;

/** When a record was made, as far as anybody can say: the server's time, else when we heard it (epoch seconds). */
export function heardAt({ at, progress }: Observation): number {
  return progress.timestamp ?? at;
}

/** The rules that tell reading from looking into a book. */
export type Limits = Pick<Rules, "finish_at" | "reading_from" | "larger_step">;

/** The observations in the order in which they were read, without our own records and without peeks. */
export function readObservations(observations: readonly Observation[], rules: Limits): Observation[] {
  const foreign = observations.filter(({ progress }) => !isOwn(progress));
  const sorted = foreign.toSorted((one, other) => heardAt(one) - heardAt(other));
  let furthest = 0;
  return sorted.filter(({ progress: { percentage } }) => {
    const peek = isPeek(percentage, furthest, rules.reading_from);
    furthest = Math.max(furthest, percentage);
    return !peek;
  });
}

/** Cuts a log into readings: a new one begins when a finished book has moved forward by a larger step again. */
export function cutReadings(read: readonly Observation[], rules: Limits): Observation[][] {
  const readings: Observation[][] = [[]];
  let [finished, after, low] = [false, [] as Observation[], 1];
  for (const observation of read) {
    const { percentage } = observation.progress;
    if (!finished || percentage >= rules.finish_at) {
      readings.at(-1)?.push(observation);
      if (percentage >= rules.finish_at) [finished, after, low] = [true, [], 1];
      continue;
    }
    after.push(observation);
    if (percentage - low >= rules.larger_step - NOISE) {
      readings.push(after);
      [finished, after, low] = [false, [], 1];
    } else if (percentage >= rules.reading_from) low = Math.min(low, percentage);
  }
  return readings.filter((reading) => reading.length > 0);
}

/** How often the book was finished, as far as its reading log tells. */
export function finishesIn(observations: readonly Observation[], rules: Limits): number {
  const readings = cutReadings(readObservations(observations, rules), rules);
  return readings.filter((reading) => reading.some(({ progress }) => progress.percentage >= rules.finish_at)).length;
}
