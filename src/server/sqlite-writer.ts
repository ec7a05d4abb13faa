import { fromSqlText, toSqlText, toSqlTextOrNull } from "../io/sqlite.ts";
import type { Database, SQLInputValue } from "../io/sqlite.ts";
import { formatIdentifiers } from "./identifiers.ts";
import type { Identifier, ProgressWrite, WriteOutcome } from "./store.ts";

/** The writing half of the SQLite store; its `put` must run inside a transaction. */
export interface SqliteWriter {
  put(username: string, credential: string, write: ProgressWrite): WriteOutcome;
  /** To be called by whatever changes accounts, before it does. */
  forgetUsers(): void;
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

/** Prepares the statements of a `PUT`; `remembered` is called for each row added to the history. */
export function createSqliteWriter(db: Database, remembered: () => void): SqliteWriter {
  const selectUser = db.prepare("SELECT id FROM users WHERE name = ? AND credential = ?");
  const insertDocument = db.prepare(
    `INSERT INTO documents (user_id, document, timestamp, percentage, progress, device, device_id, filename, title, authors, identifiers)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const updatePosition = db.prepare(
    `UPDATE documents SET writes = writes + 1, previous = ?, timestamp = ?, percentage = ?, progress = ?, device = ?,
       device_id = ifnull(?, device_id), identifiers = ? WHERE user_id = ? AND document = ?`,
  );
  // Most readers never tell metadata: what is not set costs nothing.
  const updateMetadata = db.prepare(
    `UPDATE documents SET filename = ifnull(?, filename), title = ifnull(?, title), authors = ifnull(?, authors)
     WHERE user_id = ? AND document = ?`,
  );
  const remember = db.prepare(
    `INSERT INTO history (document_id, number, previous, timestamp, percentage, progress, device, device_id)
     SELECT id, writes, previous, timestamp, percentage, progress, device, device_id FROM documents
     WHERE user_id = ? AND document = ?`,
  );
  const selectDocument = db.prepare("SELECT id, document FROM documents WHERE user_id = ? AND document = ?");
  const selectTarget = db.prepare(
    "SELECT d.id, d.document FROM aliases a JOIN documents d ON d.id = a.document_id WHERE a.user_id = ? AND a.value = ?",
  );
  const insertAlias = db.prepare("INSERT INTO aliases (user_id, value, type, document_id) VALUES (?, ?, ?, ?)");

  // A device that pushes a shelf of books asks for the same account again and again within one transaction.
  const users = new Map<string, number | null>();
  let usersOf = -1;

  function userIdOf(username: string, credential: string): number | null {
    if (usersOf !== db.transaction()) {
      usersOf = db.transaction();
      users.clear();
    }
    const question = `${username}:${credential}`;
    let id = users.get(question);
    if (id === undefined) {
      const row = selectUser.get(toSqlText(username), toSqlText(credential));
      id = row === undefined ? null : Number(row["id"]);
      users.set(question, id);
    }
    return id;
  }

  function insert(userId: number, write: ProgressWrite): number {
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
  function update(userId: number, document: string, write: ProgressWrite): boolean {
    const name = toSqlText(document);
    const { changes, lastInsertRowid: previous } = remember.run(userId, name);
    if (changes === 0) return false;
    remembered();
    const { deviceId, filename, title, authors, identifiers } = told(write);
    updatePosition.run(
      previous,
      write.timestamp,
      write.percentage,
      toSqlText(write.progress),
      toSqlText(write.device),
      deviceId,
      identifiers,
      userId,
      name,
    );
    if (write.metadata !== null) updateMetadata.run(filename, title, authors, userId, name);
    return true;
  }

  function resolve(userId: number, list: readonly Identifier[]): Place | null {
    for (const [match, { value }] of list.entries()) {
      const row = selectDocument.get(userId, value) ?? selectTarget.get(userId, value);
      if (row !== undefined) return { documentId: Number(row["id"]), document: fromSqlText(row["document"]), match };
    }
    return null;
  }

  function putIdentified(userId: number, write: ProgressWrite, list: readonly Identifier[]): WriteOutcome {
    const place = resolve(userId, list);
    if (place !== null) update(userId, place.document, write);
    const documentId = place?.documentId ?? insert(userId, write);
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
      const userId = userIdOf(username, credential);
      if (userId === null) return { status: "unauthorized" };
      if (write.identifiers !== null) return putIdentified(userId, write, write.identifiers);
      if (!update(userId, write.document, write)) insert(userId, write);
      return { status: "written", document: write.document, match: null };
    },
    forgetUsers: () => users.clear(),
  };
}
