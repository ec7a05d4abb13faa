import { fromSqlText } from "../../../io/sqlite/database.ts";
import type { SqlRow } from "../../../io/sqlite/database.ts";
import type { DocumentMetadata } from "../../../model/progress.ts";
import { parseIdentifiers } from "../identifiers.ts";
import type { HistoryEntry, StoredRecord } from "../store.ts";

function optionalText(value: unknown): string | null {
  return value === null || value === undefined ? null : fromSqlText(value);
}

function readMetadata(row: SqlRow): DocumentMetadata | null {
  const metadata: DocumentMetadata = {};
  for (const field of ["filename", "title", "authors"] as const) {
    const text = optionalText(row[field]);
    if (text !== null) metadata[field] = text;
  }
  return Object.keys(metadata).length === 0 ? null : metadata;
}

/** A row of `history`, or the same columns of `documents`. */
export function readHistoryRow(row: SqlRow): HistoryEntry {
  return {
    percentage: Number(row["percentage"]),
    progress: fromSqlText(row["progress"]),
    device: fromSqlText(row["device"]),
    device_id: optionalText(row["device_id"]),
    timestamp: Number(row["timestamp"]),
  };
}

/** A row of `documents`. */
export function readDocumentRow(row: SqlRow): StoredRecord {
  const identifiers = row["identifiers"];
  return {
    document: fromSqlText(row["document"]),
    ...readHistoryRow(row),
    metadata: readMetadata(row),
    identifiers: typeof identifiers === "string" ? parseIdentifiers(identifiers) : null,
  };
}
