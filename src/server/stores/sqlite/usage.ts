import type { Database } from "../../../io/sqlite/database.ts";
import { ROW_BYTES } from "../quota.ts";

/** What an account fills, and a number that changes with each write: kept by triggers, so that no statement can forget it. */
export const USAGE_SCHEMA = `
CREATE TABLE IF NOT EXISTS usage (
  user_id INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  documents INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  changes INTEGER NOT NULL
);
`;

function bytes(column: string): string {
  return `ifnull(octet_length(${column}), 0)`;
}

function positionBytes(row: string): string {
  return [ROW_BYTES, ...["progress", "device", "device_id"].map((name) => bytes(`${row}.${name}`))].join(" + ");
}

function recordBytes(row: string): string {
  const texts = ["document", "filename", "title", "authors", "identifiers"].map((name) => bytes(`${row}.${name}`));
  return [ROW_BYTES, positionBytes(row), ...texts].join(" + ");
}

/** By name, as SQLite keeps their text. A position that goes into the history stays counted; the new one comes beside it. */
export const USAGE_TRIGGERS = {
  count_inserted: `CREATE TRIGGER count_inserted AFTER INSERT ON documents BEGIN
  INSERT INTO usage VALUES (NEW.user_id, 1, ${recordBytes("NEW")}, 1)
  ON CONFLICT DO UPDATE SET documents = documents + 1, bytes = bytes + excluded.bytes, changes = changes + 1;
END`,
  count_remembered: `CREATE TRIGGER count_remembered AFTER UPDATE OF writes ON documents BEGIN
  UPDATE usage SET changes = changes + 1, bytes = bytes + ${positionBytes("NEW")}
    + ${bytes("NEW.identifiers")} - ${bytes("OLD.identifiers")} WHERE user_id = NEW.user_id;
END`,
  count_changed: `CREATE TRIGGER count_changed AFTER UPDATE ON documents WHEN NEW.writes = OLD.writes BEGIN
  UPDATE usage SET changes = changes + 1, bytes = bytes + (${recordBytes("NEW")}) - (${recordBytes("OLD")})
  WHERE user_id = NEW.user_id;
END`,
  count_deleted: `CREATE TRIGGER count_deleted AFTER DELETE ON documents BEGIN
  UPDATE usage SET documents = documents - 1, bytes = bytes - (${recordBytes("OLD")}), changes = changes + 1
  WHERE user_id = OLD.user_id;
END`,
  count_forgotten: `CREATE TRIGGER count_forgotten AFTER DELETE ON history BEGIN
  UPDATE usage SET bytes = bytes - (${positionBytes("OLD")})
  WHERE user_id = (SELECT user_id FROM documents WHERE id = OLD.document_id);
END`,
};

/** Counts all that is there: for a file that was without these triggers for a while. What went by uncounted counts as a change. */
export const RECOUNT_USAGE = `
INSERT INTO usage
SELECT d.user_id, count(*), sum(${recordBytes("d")}) + sum(ifnull(p.bytes, 0)), 1
FROM documents d
LEFT JOIN (SELECT document_id, sum(${positionBytes("h")}) AS bytes FROM history h GROUP BY document_id) p
  ON p.document_id = d.id
WHERE true GROUP BY d.user_id
ON CONFLICT DO UPDATE SET documents = excluded.documents, bytes = excluded.bytes, changes = usage.changes + 1;
`;

/** What an account fills; inside a transaction, or a read. */
export interface SqliteUsage {
  of(userId: number): { readonly documents: number; readonly bytes: number };
  /** Text that is another one after each write. */
  edition(userId: number): string;
  /** Counts rows of the history, by their ids, that were put there and not remembered by an update. */
  countHistory(userId: number, first: number, last: number): void;
}

/** Prepares its statements. */
export function createSqliteUsage(db: Database): SqliteUsage {
  const select = db.prepare("SELECT documents, bytes, changes FROM usage WHERE user_id = ?");
  const addHistory = db.prepare(
    `UPDATE usage SET bytes = bytes + (SELECT ifnull(sum(${positionBytes("h")}), 0) FROM history h WHERE h.id BETWEEN ? AND ?)
     WHERE user_id = ?`,
  );
  return {
    of(userId) {
      const row = select.get(userId);
      return { documents: Number(row?.["documents"] ?? 0), bytes: Number(row?.["bytes"] ?? 0) };
    },
    edition: (userId) => `${userId}.${String(select.get(userId)?.["changes"] ?? 0)}`,
    countHistory: (userId, first, last) => void addHistory.run(first, last, userId),
  };
}
