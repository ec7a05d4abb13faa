import type { HistoryEntry, ProgressWrite, StoredRecord } from "./store.ts";

/** What stands after a write: a device id or metadata once told stay until they are told anew. */
export function mergeRecord(stored: StoredRecord | null, write: ProgressWrite): StoredRecord {
  if (stored === null) return write;
  const metadata =
    stored.metadata === null && write.metadata === null ? null : { ...stored.metadata, ...write.metadata };
  return { ...write, document: stored.document, device_id: write.device_id ?? stored.device_id, metadata };
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
 * an alias whose target is gone leads nowhere.
 */
export function resolveNames(
  names: readonly string[],
  isDocument: (name: string) => boolean,
  aliasOf: (name: string) => string | null,
): Resolved | null {
  for (const [match, name] of names.entries()) {
    if (isDocument(name)) return { document: name, match };
    const target = aliasOf(name);
    if (target !== null && isDocument(target)) return { document: target, match };
  }
  return null;
}
