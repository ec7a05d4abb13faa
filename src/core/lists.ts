/** Lists as long as a library: none is spread over a call's arguments, of which an engine takes some 60,000. */

/** Puts more at the end of a list. */
export function append<T>(list: T[], more: Iterable<T>): void {
  for (const item of more) list.push(item);
}

/** The largest of some numbers, but not less than `floor`. */
export function largest(floor: number, numbers: Iterable<number>): number {
  let most = floor;
  for (const number of numbers) most = Math.max(most, number);
  return most;
}

/** The least of some numbers, but not more than `ceiling`. */
export function least(ceiling: number, numbers: Iterable<number>): number {
  let few = ceiling;
  for (const number of numbers) few = Math.min(few, number);
  return few;
}
