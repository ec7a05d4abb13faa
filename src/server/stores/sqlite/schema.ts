import { randomBytes } from "node:crypto";
import type { Database } from "../../../io/sqlite/database.ts";
import { HISTORY_LENGTH } from "../store.ts";
import { RECOUNT_USAGE, USAGE_SCHEMA, USAGE_TRIGGERS } from "./usage.ts";

const SCHEMA_VERSION = 2;

// A commit costs by the pages it touches, and a PUT touches three: its row in `documents`, the end of `history`, and the
// counts of its account (usage.ts), which all its PUTs of a commit share. The history of a document is therefore a chain
// (`previous` names the row before) and has no index, nor do the times. A trigger appends to it, which finds the row once
// where a statement of its own finds it twice; what has become too long is noted every so many writes and shortened later
// (history.ts). Text columns have no type of their own: text with a NUL in it is kept as bytes (see io/sqlite/database.ts).
const SCHEMA = `
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name NOT NULL UNIQUE, credential NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  document NOT NULL,
  timestamp INTEGER NOT NULL,
  percentage REAL NOT NULL,
  progress NOT NULL,
  device NOT NULL,
  device_id,
  filename,
  title,
  authors,
  identifiers TEXT,
  writes INTEGER NOT NULL DEFAULT 0,
  previous INTEGER,
  UNIQUE (user_id, document)
);
CREATE TABLE IF NOT EXISTS history (
  id INTEGER PRIMARY KEY,
  document_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  previous INTEGER,
  timestamp INTEGER NOT NULL,
  percentage REAL NOT NULL,
  progress NOT NULL,
  device NOT NULL,
  device_id
);
CREATE TABLE IF NOT EXISTS aliases (
  user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  value TEXT NOT NULL,
  type TEXT NOT NULL,
  document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
  PRIMARY KEY (user_id, value)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS overlong (document_id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS sessions (
  user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  id TEXT NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (user_id, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS aliases_by_document ON aliases (document_id);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

/** As SQLite keeps their text, by which it is seen whether a file has these very ones. */
const TRIGGERS = {
  ...USAGE_TRIGGERS,
  remember: `CREATE TRIGGER remember AFTER UPDATE OF writes ON documents BEGIN
  INSERT INTO history (id, document_id, number, previous, timestamp, percentage, progress, device, device_id)
  VALUES (NEW.previous, OLD.id, OLD.writes, OLD.previous, OLD.timestamp, OLD.percentage, OLD.progress, OLD.device, OLD.device_id);
END`,
  note_overlong: `CREATE TRIGGER note_overlong AFTER UPDATE OF writes ON documents
WHEN NEW.writes % ${HISTORY_LENGTH} = 0 AND NEW.writes > ${HISTORY_LENGTH} BEGIN
  INSERT OR IGNORE INTO overlong VALUES (NEW.id);
END`,
};

/** What was too long before a file got these triggers, no later write may ever note. */
const NOTE_OVERLONG = `
INSERT OR IGNORE INTO overlong
SELECT document_id FROM history GROUP BY document_id HAVING count(*) >= ${HISTORY_LENGTH};
`;

/** Throws when the file was written by a later version of this program. */
function isCurrent(db: Database): boolean {
  const version = db.prepare("PRAGMA user_version").get()?.["user_version"];
  if (typeof version === "number" && version > SCHEMA_VERSION) {
    throw new Error("The database was written by a newer version of KOReader Progress.");
  }
  if (version !== SCHEMA_VERSION) return false;
  const triggerText = db.prepare("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?");
  return Object.entries(TRIGGERS).every(([name, text]) => triggerText.get(name)?.["sql"] === text);
}

/** Makes what is missing or different; throws when the file was written by a later version of this program. */
export function prepareSchema(db: Database): void {
  if (isCurrent(db)) return;
  db.exec("BEGIN IMMEDIATE");
  // Another process may have been first.
  if (!isCurrent(db)) {
    db.exec(SCHEMA + USAGE_SCHEMA);
    for (const [name, text] of Object.entries(TRIGGERS)) db.exec(`DROP TRIGGER IF EXISTS ${name}; ${text}`);
    db.exec(NOTE_OVERLONG + RECOUNT_USAGE);
    db.prepare("INSERT OR IGNORE INTO settings VALUES ('secret', ?)").run(randomBytes(32).toString("hex"));
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  }
  db.exec("COMMIT");
}
