import { fromSqlText, openDatabase, toSqlText } from "../io/sqlite.ts";
import type { SqlRow } from "../io/sqlite.ts";
import { resolveNames, toHistoryEntry } from "./merge-record.ts";
import { createSqliteTransfer } from "./sqlite-transfer.ts";
import { prepareSchema } from "./sqlite-schema.ts";
import { readDocumentRow, readHistoryRow } from "./sqlite-rows.ts";
import { createSqliteWriter } from "./sqlite-writer.ts";
import type { Store, StoredRecord } from "./store.ts";

function recordOf(row: SqlRow | undefined): StoredRecord | null {
  return row === undefined || row["id"] === null ? null : readDocumentRow(row);
}

/** A store in one SQLite file: a `PUT` that was answered survives `kill -9` and a power cut. Throws when it cannot be opened. */
export function openSqliteStore(path: string): Store {
  const db = openDatabase(path);
  try {
    prepareSchema(db);
  } catch (error) {
    db.close();
    throw error;
  }
  const selectCredential = db.prepare("SELECT credential FROM users WHERE name = ?");
  const insertUser = db.prepare("INSERT INTO users (name, credential) VALUES (?, ?) ON CONFLICT DO NOTHING");
  const updateCredential = db.prepare("UPDATE users SET credential = ? WHERE name = ? AND credential = ?");
  const deleteAccount = db.prepare("DELETE FROM users WHERE name = ? AND credential = ?");
  const selectFound = db.prepare(
    "SELECT u.credential, d.* FROM users u LEFT JOIN documents d ON d.user_id = u.id AND d.document = ? WHERE u.name = ?",
  );
  const selectAlias = db.prepare(
    `SELECT d.document FROM aliases a JOIN users u ON a.user_id = u.id JOIN documents d ON d.id = a.document_id
     WHERE u.name = ? AND a.value = ?`,
  );
  const selectPage = db.prepare(
    `SELECT d.* FROM documents d JOIN users u ON d.user_id = u.id
     WHERE u.name = ? AND d.timestamp >= ? AND (d.timestamp, d.document) > (?, ?)
     ORDER BY d.timestamp, d.document LIMIT ?`,
  );
  const selectHistory = db.prepare("SELECT * FROM history WHERE document_id = ? ORDER BY number DESC");
  const deleteRecord = db.prepare(
    "DELETE FROM documents WHERE document = ? AND user_id = (SELECT id FROM users WHERE name = ?)",
  );
  const selectNames = db.prepare("SELECT name FROM users WHERE name > ? ORDER BY name LIMIT 500");
  const selectSecret = db.prepare("SELECT value FROM settings WHERE name = 'secret'");
  const writer = createSqliteWriter(db);

  function rowOf(username: string, document: string): SqlRow | undefined {
    return selectFound.get(toSqlText(document), toSqlText(username));
  }

  function find(
    username: string,
    names: readonly string[],
    followAliases: boolean,
  ): Awaited<ReturnType<Store["find"]>> {
    let row: SqlRow | undefined;
    let record: StoredRecord | null = null;
    const isDocument = (name: string): boolean => {
      row = rowOf(username, name);
      record = recordOf(row);
      return record !== null;
    };
    const aliasOf = (name: string): string | null => {
      const target = followAliases ? selectAlias.get(toSqlText(username), name) : undefined;
      return target === undefined ? null : fromSqlText(target["document"]);
    };
    const resolved = resolveNames(names, isDocument, aliasOf);
    const credential = row === undefined ? null : fromSqlText(row["credential"]);
    return { credential, found: resolved === null || record === null ? null : { record, match: resolved.match } };
  }

  async function* usernames(): AsyncGenerator<string> {
    let last = "";
    for (;;) {
      const page = selectNames.all(toSqlText(last)).map((row) => fromSqlText(row["name"]));
      yield* page;
      const end = page.at(-1);
      if (end === undefined) return;
      last = end;
    }
  }

  return {
    kind: "sqlite",
    keepsKeysVerbatim: false,
    createUser: (username, credential) =>
      db.write(() => insertUser.run(toSqlText(username), toSqlText(credential)).changes === 1),
    async credentialOf(username) {
      const row = selectCredential.get(toSqlText(username));
      return row === undefined ? null : fromSqlText(row["credential"]);
    },
    replaceCredential: (username, current, next) =>
      db.write(() => updateCredential.run(toSqlText(next), toSqlText(username), toSqlText(current)).changes === 1),
    deleteUser: (username, current) =>
      current === null
        ? // Nothing can be orphaned here: everything hangs on the account by foreign keys.
          Promise.resolve(selectCredential.get(toSqlText(username)) === undefined)
        : db.write(() => deleteAccount.run(toSqlText(username), toSqlText(current)).changes === 1),
    find: async (username, names, followAliases) => find(username, names, followAliases),
    write: (username, credential, write) => db.write(() => writer.put(username, credential, write)),
    async list(username, { since, after, limit }) {
      const from = after ?? { timestamp: -1, document: "" };
      return selectPage
        .all(toSqlText(username), since, from.timestamp, toSqlText(from.document), limit)
        .map(readDocumentRow);
    },
    async history(username, document) {
      const row = rowOf(username, document);
      const record = recordOf(row);
      if (row === undefined || record === null) return [];
      return [toHistoryEntry(record), ...selectHistory.all(Number(row["id"])).map(readHistoryRow)];
    },
    deleteDocument: (username, document) =>
      db.write(() => deleteRecord.run(toSqlText(document), toSqlText(username)).changes === 1),
    usernames,
    ...createSqliteTransfer(db, usernames),
    async secret() {
      return fromSqlText(selectSecret.get()?.["value"]);
    },
    async check() {
      selectSecret.get();
    },
    async close() {
      db.close();
    },
  };
}
