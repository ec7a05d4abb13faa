import * as z from "zod";
import type { ClaimedIdentifier, Identifier, StoredRecord } from "./store.ts";

/** One entry of the proposed extension's list, with its limits. */
const IdentifierEntry = z.object({
  type: z
    .string()
    .max(32)
    .regex(/^[a-z][a-z0-9-]*$/),
  value: z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9][A-Za-z0-9\-_.]*$/),
});

function hasEachTypeOnce(list: readonly Identifier[]): boolean {
  return new Set(list.map(({ type }) => type)).size === list.length;
}

/** Strongest first, each type once. */
const Identifiers = z.array(IdentifierEntry).min(1).max(8).refine(hasEachTypeOnce);

/** The same as a writer names them. */
const ClaimedIdentifiers = z
  .array(IdentifierEntry.extend({ weak: z.boolean().exactOptional() }))
  .min(1)
  .max(8)
  .refine(hasEachTypeOnce);

/** The list a `PUT` names, or null when it breaks a rule; one entry must be the document itself. */
export function checkIdentifiers(value: unknown, document: string): ClaimedIdentifier[] | null {
  const parsed = ClaimedIdentifiers.safeParse(value);
  if (!parsed.success || !parsed.data.some((entry) => entry.value === document)) return null;
  return parsed.data;
}

/** `content:C1,structure:S1` as a list, in the order given; the counterpart of `formatIdentifiers`. */
export function parseIdentifiers(text: string): Identifier[] | null {
  const entries = text.split(",").map((entry) => {
    const [type, value, ...rest] = entry.split(":");
    return rest.length === 0 ? { type, value } : null;
  });
  const parsed = Identifiers.safeParse(entries);
  return parsed.success ? parsed.data : null;
}

/** A list as the query string and the stores write it: `content:C1,structure:S1`. */
export function formatIdentifiers(list: readonly Identifier[]): string {
  return list.map(({ type, value }) => `${type}:${value}`).join(",");
}

/**
 * What the reader has in common with whoever wrote the current progress: the strongest of the reader's own types whose
 * value the writer named too, "none" when there is none, and `match` when that writer named nothing.
 */
export function matchProgressWriter(
  reader: readonly Identifier[],
  writer: StoredRecord["identifiers"],
  match: string,
): string {
  if (writer === null) return match;
  return reader.find(({ value }) => writer.some((entry) => entry.value === value))?.type ?? "none";
}
