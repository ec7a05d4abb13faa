import { fromSqlText, toSqlText, toSqlTextOrNull } from "../../../io/sqlite/database.ts";
import type { Database, SQLInputValue } from "../../../io/sqlite/database.ts";
import { formatIdentifiers } from "../identifiers.ts";
import { mayClaim } from "../merge-record.ts";
import { mostOfRecord, sizeOfRecord } from "../quota.ts";
import type { Quota } from "../quota.ts";
import type { ClaimedIdentifier, ProgressWrite, WriteOutcome } from "../store.ts";
import type { SqliteUsage } from "./usage.ts";

/** The writing half of the SQLite store; its `put` must run inside a transaction. */
export interface SqliteWriter {
  put(username: string, credential: string, write: ProgressWrite): WriteOutcome;
  /** To be called by whatever changes accounts or puts rows into the history by itself, before it does. */
  forget(): void;
}

const MAX_USERS = 10_000;

/** An account that was looked up. */
interface Known {
  readonly credential: string;
  readonly id: number;
  /** Bytes that it may certainly still fill; the database is asked again when they are used up. */
  room: number;
}

interface Place {
  readonly documentId: number;
  readonly document: string;
  readonly match: number;
}

/** What a `PUT` may leave out, as columns. */
function told({
  device_id,
  metadata,
  identifiers,
}: ProgressWrite): Record<"deviceId" | "filename" | "title" | "authors" | "identifiers", SQLInputValue> {
  return {
    deviceId: toSqlTextOrNull(device_id),
    filename: toSqlTextOrNull(metadata?.filename),
    title: toSqlTextOrNull(metadata?.title),
    authors: toSqlTextOrNull(metadata?.authors),
    identifiers: identifiers === null ? null : formatIdentifiers(identifiers),
  };
}

/** Prepares the statements of a `PUT`. */
export function createSqliteWriter(db: Database, usage: SqliteUsage, quota: Quota): SqliteWriter {
  const selectUser = db.prepare("SELECT id FROM users WHERE name = ? AND credential = ?");
  const insertDocument = db.prepare(
    `INSERT INTO documents (user_id, document, timestamp, percentage, progress, device, device_id, filename, title, authors, identifiers)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const updatePosition = db.prepare(
    `UPDATE documents SET writes = writes + 1, previous = ?, timestamp = ?, percentage = ?, progress = ?, device = ?,
       device_id = ifnull(?, device_id), identifiers = ? WHERE user_id = ? AND document = ?`,
  );
  // Where there is no room the new position takes the place of the one before.
  const replacePosition = db.prepare(
    `UPDATE documents SET timestamp = ?, percentage = ?, progress = ?, device = ?,
       device_id = ifnull(?, device_id), identifiers = ? WHERE user_id = ? AND document = ?`,
  );
  // Most readers never tell metadata: what is not set costs nothing.
  const updateMetadata = db.prepare(
    `UPDATE documents SET filename = ifnull(?, filename), title = ifnull(?, title), authors = ifnull(?, authors)
     WHERE user_id = ? AND document = ?`,
  );
  const selectLastHistory = db.prepare("SELECT max(id) AS last FROM history");
  const selectDocument = db.prepare("SELECT id, document FROM documents WHERE user_id = ? AND document = ?");
  const selectTarget = db.prepare(
    "SELECT d.id, d.document FROM aliases a JOIN documents d ON d.id = a.document_id WHERE a.user_id = ? AND a.value = ?",
  );
  const insertAlias = db.prepare("INSERT INTO aliases (user_id, value, type, document_id) VALUES (?, ?, ?, ?)");

  // Who was looked up stays known until somebody else has written to the file, or accounts change here.
  const users = new Map<string, Known>();
  let usersOf = -1;
  let lastHistory = 0;
  let lastHistoryOf = -1;

  function knownOf(username: string, credential: string): Known | null {
    if (usersOf !== db.edition() || users.size >= MAX_USERS) {
      usersOf = db.edition();
      users.clear();
    }
    const known = users.get(username);
    if (known?.credential === credential) return known;
    const row = selectUser.get(toSqlText(username), toSqlText(credential));
    if (row === undefined) return null;
    const found: Known = { credential, id: Number(row["id"]), room: 0 };
    users.set(username, found);
    return found;
  }

  /** Whether an account has room for this write; the room it takes is used up. */
  function hasRoom(user: Known, write: ProgressWrite): boolean {
    const most = mostOfRecord(write);
    if (user.room >= most) {
      user.room -= most;
      return true;
    }
    user.room = quota.bytes - usage.of(user.id).bytes - sizeOfRecord(write);
    return user.room >= 0;
  }

  /** The id of the next row of the history: the row that it remembers has to name it before it is there. */
  function nextHistoryId(): number {
    if (lastHistoryOf !== db.edition()) {
      lastHistoryOf = db.edition();
      lastHistory = Number(selectLastHistory.get()?.["last"] ?? 0);
    }
    return (lastHistory += 1);
  }

  /** The new document's id; null when the account may keep no document more. */
  function insert(user: Known, write: ProgressWrite): number | null {
    const userId = user.id;
    if (!hasRoom(user, write) || usage.of(userId).documents >= quota.documents) return null;
    const { deviceId, filename, title, authors, identifiers } = told(write);
    const { lastInsertRowid } = insertDocument.run(
      userId,
      toSqlText(write.document),
      write.timestamp,
      write.percentage,
      toSqlText(write.progress),
      toSqlText(write.device),
      deviceId,
      filename,
      title,
      authors,
      identifiers,
    );
    return Number(lastInsertRowid);
  }

  /** False when there is no such document. */
  function update(user: Known, document: string, write: ProgressWrite): boolean {
    const userId = user.id;
    const name = toSqlText(document);
    const { deviceId, filename, title, authors, identifiers } = told(write);
    const { timestamp, percentage } = write;
    const [progress, device] = [toSqlText(write.progress), toSqlText(write.device)];
    const { changes } = hasRoom(user, write)
      ? updatePosition.run(
          nextHistoryId(),
          timestamp,
          percentage,
          progress,
          device,
          deviceId,
          identifiers,
          userId,
          name,
        )
      : replacePosition.run(timestamp, percentage, progress, device, deviceId, identifiers, userId, name);
    if (changes === 0) return false;
    if (write.metadata !== null) updateMetadata.run(filename, title, authors, userId, name);
    return true;
  }

  function resolve(userId: number, list: readonly ClaimedIdentifier[], own: string): Place | null {
    for (const [match, entry] of list.entries()) {
      if (!mayClaim(entry, own)) continue;
      const { value } = entry;
      const row = selectDocument.get(userId, value) ?? selectTarget.get(userId, value);
      if (row !== undefined) return { documentId: Number(row["id"]), document: fromSqlText(row["document"]), match };
    }
    return null;
  }

  function putIdentified(user: Known, write: ProgressWrite, list: readonly ClaimedIdentifier[]): WriteOutcome {
    const userId = user.id;
    const place = resolve(userId, list, write.document);
    if (place !== null) update(user, place.document, write);
    const documentId = place?.documentId ?? insert(user, write);
    if (documentId === null) return { status: "full" };
    for (const { type, value } of place === null ? list : list.slice(place.match + 1)) {
      // Never shadow a document, never repoint an alias; one whose document is gone went with it.
      const isTaken = selectDocument.get(userId, value) !== undefined || selectTarget.get(userId, value) !== undefined;
      if (!isTaken) insertAlias.run(userId, value, type, documentId);
    }
    const match = place === null ? list.find(({ value }) => value === write.document) : list[place.match];
    return { status: "written", document: place?.document ?? write.document, match: match?.type ?? null };
  }

  return {
    put(username, credential, write) {
      const user = knownOf(username, credential);
      if (user === null) return { status: "unauthorized" };
      if (write.identifiers !== null) return putIdentified(user, write, write.identifiers);
      if (!update(user, write.document, write) && insert(user, write) === null) return { status: "full" };
      return { status: "written", document: write.document, match: null };
    },
    forget() {
      users.clear();
      lastHistoryOf = -1;
    },
  };
}
