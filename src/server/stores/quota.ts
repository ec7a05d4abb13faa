import type { HistoryEntry, StoredRecord } from "./store.ts";

/** How much of a store one account may fill; what is there may always be written anew. */
export interface Quota {
  readonly documents: number;
  /** Of text, and of what a row takes beside its text. */
  readonly bytes: number;
}

export const DEFAULT_QUOTA: Quota = { documents: 200_000, bytes: 256 * 1024 ** 2 };

/** What a position, and what a document, takes beside its text. */
export const ROW_BYTES = 64;

function bytesOf(text: string | null | undefined): number {
  return text === null || text === undefined ? 0 : Buffer.byteLength(text);
}

/** The bytes of one position, as the history keeps it. */
export function sizeOfPosition({ progress, device, device_id }: HistoryEntry): number {
  return ROW_BYTES + bytesOf(progress) + bytesOf(device) + bytesOf(device_id);
}

/** The bytes of a document, without its earlier positions. */
export function sizeOfRecord(record: StoredRecord): number {
  const { document, metadata, identifiers } = record;
  let size = ROW_BYTES + sizeOfPosition(record) + bytesOf(document);
  for (const text of [metadata?.filename, metadata?.title, metadata?.authors]) size += bytesOf(text);
  for (const { type, value } of identifiers ?? []) size += type.length + value.length + 2;
  return size;
}

/** No less than `sizeOfRecord`, without a look at each letter. */
export function mostOfRecord(record: StoredRecord): number {
  const { document, progress, device, device_id, metadata, identifiers } = record;
  if (metadata !== null || identifiers !== null) return sizeOfRecord(record);
  return 2 * ROW_BYTES + 3 * (document.length + progress.length + device.length + (device_id?.length ?? 0));
}
