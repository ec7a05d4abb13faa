/** Whether two positions are one place to a reader. */
import { ordinalOf } from "../../core/position/place.ts";
import type { BookText } from "./text.ts";
import { resolvePosition } from "./resolve.ts";

/** Places nearer than this many characters are one: the viewer tells the middle of a page, KOReader its top. */
export const ONE_PLACE = 1500;

/** How many characters of text lie between two positions of a book of any kind; null when either is not in it. */
export async function charactersBetween(book: BookText, one: string, other: string): Promise<number | null> {
  const first = await charactersBefore(book, one);
  const second = await charactersBefore(book, other);
  return first === null || second === null ? null : Math.abs(first - second);
}

/** Whether two positions of a book are the same place to a reader. */
export async function isSamePlace(book: BookText, one: string, other: string): Promise<boolean> {
  if (one === other) return true;
  const between = await charactersBetween(book, one, other);
  return between !== null && between <= ONE_PLACE;
}

async function charactersBefore(book: BookText, position: string): Promise<number | null> {
  const resolved = await resolvePosition(book, position);
  // A page is about as much as a place; neighbouring pages are two.
  if (resolved.kind === "page") return resolved.page * (ONE_PLACE + 1);
  if (resolved.kind === "nowhere") return null;
  const weights = await book.weights(true);
  const before = weights.slice(0, resolved.index).reduce((sum, weight) => sum + weight, 0);
  return before + Math.min(ordinalOf(resolved.found.place), weights[resolved.index] ?? 0);
}
