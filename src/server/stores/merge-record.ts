import type { ClaimedIdentifier, HistoryEntry, ProgressWrite, StoredRecord } from "./store.ts";

/** A write as the record that it makes; whether a name was weak matters only while it is written. */
export function toRecord(write: ProgressWrite): StoredRecord {
  return { ...write, identifiers: write.identifiers?.map(({ type, value }) => ({ type, value })) ?? null };
}

/** Whether a name that leads to a record lets a write to this document adopt it. */
export function mayClaim({ weak, value }: ClaimedIdentifier, document: string): boolean {
  return weak !== true || value === document;
}

/** What stands after a write: a device id or metadata once told stay until they are told anew. */
export function mergeRecord(stored: StoredRecord | null, write: ProgressWrite): StoredRecord {
  if (stored === null) return toRecord(write);
  const metadata =
    stored.metadata === null && write.metadata === null ? null : { ...stored.metadata, ...write.metadata };
  return { ...toRecord(write), document: stored.document, device_id: write.device_id ?? stored.device_id, metadata };
}

/** The part of a record that its history remembers. */
export function toHistoryEntry(record: StoredRecord): HistoryEntry {
  const { percentage, progress, device, device_id, timestamp } = record;
  return { percentage, progress, device, device_id, timestamp };
}

/** Where an identifier list's walk ended: the record it named, and which entry named it. */
export interface Resolved {
  readonly document: string;
  readonly match: number;
}

/**
 * Walks the names in order, each as a document first, then as an alias. `isDocument` and `aliasOf` answer from the store;
 * an alias whose target is gone leads nowhere. Names that do not count are passed over.
 */
export function resolveNames(
  names: readonly string[],
  isDocument: (name: string) => boolean,
  aliasOf: (name: string) => string | null,
  counts: (match: number) => boolean = () => true,
): Resolved | null {
  for (const [match, name] of names.entries()) {
    if (!counts(match)) continue;
    if (isDocument(name)) return { document: name, match };
    const target = aliasOf(name);
    if (target !== null && isDocument(target)) return { document: target, match };
  }
  return null;
}
