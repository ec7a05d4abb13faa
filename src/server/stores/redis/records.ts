import * as z from "zod";
import type { DocumentMetadata } from "../../../model/progress.ts";
import { formatIdentifiers, parseIdentifiers } from "../identifiers.ts";
import type { HistoryEntry, ProgressWrite, StoredRecord } from "../store.ts";

/** A history entry as the script wrote it: Redis knows only text. */
const StoredEntry = z.object({
  percentage: z.coerce.number(),
  progress: z.string(),
  device: z.string(),
  device_id: z.string().optional(),
  timestamp: z.coerce.number(),
});

/** The hash of a document as a record; null for one that holds no position. The reference server's hashes lack our fields. */
export function readFields(document: string, fields: Readonly<Record<string, string>>): StoredRecord | null {
  const { percentage, progress, device = "", device_id, timestamp, identifiers, identifiers_for, ...rest } = fields;
  if (progress === undefined && percentage === undefined) return null;
  const metadata: DocumentMetadata = {};
  for (const field of ["filename", "title", "authors"] as const) {
    const text = rest[field];
    if (text !== undefined) metadata[field] = text;
  }
  return {
    document,
    percentage: Number(percentage ?? 0),
    progress: progress ?? "",
    device,
    device_id: device_id ?? null,
    timestamp: Math.floor(Number(timestamp ?? 0)),
    metadata: Object.keys(metadata).length === 0 ? null : metadata,
    // A server that does not know them leaves them beside a progress they do not belong to.
    identifiers: identifiers !== undefined && identifiers_for === progress ? parseIdentifiers(identifiers) : null,
  };
}

/** What a write sets: field, value, field, value; what it does not tell stays. */
export function formatFields(write: ProgressWrite): string[] {
  const { percentage, progress, device, device_id, timestamp, metadata, identifiers } = write;
  const fields = ["percentage", String(percentage), "progress", progress, "device", device];
  fields.push("timestamp", String(timestamp));
  // Written even when there are none, so that those of an earlier writer do not stay.
  fields.push("identifiers", identifiers === null ? "" : formatIdentifiers(identifiers), "identifiers_for", progress);
  if (device_id !== null) fields.push("device_id", device_id);
  for (const field of ["filename", "title", "authors"] as const) {
    const text = metadata?.[field];
    if (text !== undefined && text !== null) fields.push(field, text);
  }
  return fields;
}

/** One element of a history list. */
export function readEntry(text: string): HistoryEntry {
  const { device_id = null, ...entry } = StoredEntry.parse(JSON.parse(text));
  return { ...entry, device_id };
}

/** The counterpart of `readEntry`. */
export function formatEntry({ device_id, percentage, timestamp, ...entry }: HistoryEntry): string {
  const told = device_id === null ? {} : { device_id };
  return JSON.stringify({ ...entry, ...told, percentage: String(percentage), timestamp: String(timestamp) });
}

/** `[name, value, name, value]`, as Redis gives hashes to scripts. */
export function pairFields(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let index = 0; index + 1 < flat.length; index += 2) fields[flat[index] ?? ""] = flat[index + 1] ?? "";
  return fields;
}
