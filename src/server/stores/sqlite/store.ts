import { setImmediate } from "node:timers/promises";
import { fromSqlText, openDatabase, toSqlText } from "../../../io/sqlite/database.ts";
import type { SqlRow } from "../../../io/sqlite/database.ts";
import { resolveNames, toHistoryEntry } from "../merge-record.ts";
import { createSqliteHealth } from "./health.ts";
import { createSqliteHistory, isBuried } from "./history.ts";
import { readDocumentRow } from "./rows.ts";
import { prepareSchema } from "./schema.ts";
import { createSqliteTransfer } from "./transfer.ts";
import { createSqliteWriter } from "./writer.ts";
import { DEFAULT_QUOTA, ROW_BYTES } from "../quota.ts";
import type { Quota } from "../quota.ts";
import type { ListQuery, Store, StoredRecord } from "../store.ts";
import { makeDatabasePrivate } from "./own-file.ts";
import { createSqliteSalvage } from "./salvage.ts";
import { createSqliteSessions } from "./sessions.ts";
import { createSqliteUsage } from "./usage.ts";

/** A listing looks at so many rows, or bytes, before others have their turn; about 3 ms. */
const MAX_ROWS = 2000;
const SLICE_BYTES = 128 * 1024;
const FIRST_ROWS = 10;

const COLUMNS =
  "d.id, d.document, d.timestamp, d.percentage, d.progress, d.device, d.device_id, d.filename, d.title, d.authors, d.identifiers";

function recordOf(row: SqlRow | undefined): StoredRecord | null {
  return row === undefined || row["id"] === null ? null : readDocumentRow(row);
}

/** How many rows like these are a slice: those of a reader are short, and nobody else's may stop the server. */
function rowsThatFit(slice: readonly SqlRow[]): number {
  let bytes = 0;
  for (const { progress } of slice) bytes += ROW_BYTES + (typeof progress === "string" ? progress.length : 0);
  return Math.max(1, Math.min(MAX_ROWS, Math.floor((slice.length * SLICE_BYTES) / bytes)));
}

/** A store in one SQLite file: a `PUT` that was answered survives `kill -9` and a power cut. Throws when it cannot be opened. */
export function openSqliteStore(path: string, quota: Quota = DEFAULT_QUOTA): Store {
  makeDatabasePrivate(path);
  const db = openDatabase(path);
  try {
    prepareSchema(db);
  } catch (error) {
    void db.close();
    throw error;
  }
  const selectCredential = db.prepare("SELECT credential FROM users WHERE name = ?");
  const insertUser = db.prepare("INSERT INTO users (name, credential) VALUES (?, ?) ON CONFLICT DO NOTHING");
  const updateCredential = db.prepare("UPDATE users SET credential = ? WHERE name = ? AND credential = ?");
  const selectFound = db.prepare(
    `SELECT u.credential, ${COLUMNS} FROM users u LEFT JOIN documents d ON d.user_id = u.id AND d.document = ? WHERE u.name = ?`,
  );
  const selectAlias = db.prepare(
    `SELECT d.document FROM aliases a JOIN users u ON a.user_id = u.id JOIN documents d ON d.id = a.document_id
     WHERE u.name = ? AND a.value = ?`,
  );
  const selectSlice = db.prepare(
    `SELECT ${COLUMNS} FROM users u JOIN documents d ON d.user_id = u.id
     WHERE u.name = ? AND d.document > ? ORDER BY d.document LIMIT ?`,
  );
  const selectUserId = db.prepare("SELECT id FROM users WHERE name = ?");
  const selectNames = db.prepare("SELECT name FROM users WHERE name > ? ORDER BY name LIMIT 500");
  const selectSecret = db.prepare("SELECT value FROM settings WHERE name = 'secret'");
  const history = createSqliteHistory(db);
  const health = createSqliteHealth(db, path);
  const usage = createSqliteUsage(db);
  const writer = createSqliteWriter(db, usage, quota);

  function find(
    username: string,
    names: readonly string[],
    followAliases: boolean,
  ): Awaited<ReturnType<Store["find"]>> {
    let row: SqlRow | undefined;
    let record: StoredRecord | null = null;
    const isDocument = (name: string): boolean => {
      row = selectFound.get(toSqlText(name), toSqlText(username));
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

  /** A write that touches accounts. */
  function writeAccounts<T>(work: () => T): Promise<T> {
    return health.writing(
      db.write(() => {
        writer.forget();
        return work();
      }),
    );
  }

  /** Every slice is one look into the file; others have their turn before the next. */
  async function* list(username: string, { since, after }: ListQuery): AsyncGenerator<StoredRecord[]> {
    let rows = FIRST_ROWS;
    for (let last = after ?? ""; ;) {
      const [from, most] = [last, rows];
      const slice = health.reading(() => selectSlice.all(toSqlText(username), toSqlText(from), most));
      const found = slice.filter((row) => Number(row["timestamp"]) >= since).map(readDocumentRow);
      if (found.length > 0) yield found;
      const end = slice.at(-1);
      if (end === undefined || slice.length < rows) return;
      last = fromSqlText(end["document"]);
      rows = rowsThatFit(slice);
      await setImmediate();
    }
  }

  async function* usernames(): AsyncGenerator<string> {
    let last = "";
    for (;;) {
      const page = selectNames.all(toSqlText(last)).map((row) => fromSqlText(row["name"]));
      yield* page.filter((name) => !isBuried(name));
      const end = page.at(-1);
      if (end === undefined) return;
      last = end;
    }
  }

  return {
    kind: "sqlite",
    keepsKeysVerbatim: false,
    createUser: (username, credential) =>
      writeAccounts(() => insertUser.run(toSqlText(username), toSqlText(credential)).changes === 1),
    async credentialOf(username) {
      const row = health.reading(() => db.read(() => selectCredential.get(toSqlText(username))));
      return row === undefined ? null : fromSqlText(row["credential"]);
    },
    replaceCredential: (username, current, next) =>
      writeAccounts(() => updateCredential.run(toSqlText(next), toSqlText(username), toSqlText(current)).changes === 1),
    deleteUser: (username, current) =>
      // Without an account nothing can be orphaned here: everything hangs on it by foreign keys.
      writeAccounts(() =>
        current === null
          ? selectCredential.get(toSqlText(username)) === undefined
          : history.deleteUser(username, current),
      ),
    find: (username, names, followAliases) =>
      db.readSoon(() => health.reading(() => find(username, names, followAliases))),
    write: (username, credential, write) => health.writing(db.write(() => writer.put(username, credential, write))),
    list,
    async edition(username) {
      const row = db.read(() => selectUserId.get(toSqlText(username)));
      return row === undefined ? "" : usage.edition(Number(row["id"]));
    },
    async history(username, document) {
      const row = selectFound.get(toSqlText(document), toSqlText(username));
      const record = recordOf(row);
      return row === undefined || record === null ? [] : [toHistoryEntry(record), ...history.read(Number(row["id"]))];
    },
    deleteDocument: (username, document) => health.writing(db.write(() => history.deleteDocument(username, document))),
    usernames,
    ...createSqliteTransfer(db, usernames, writeAccounts, history, usage),
    ...createSqliteSessions(db),
    salvageLines: createSqliteSalvage(db, history),
    async secret() {
      return fromSqlText(selectSecret.get()?.["value"]);
    },
    check: () => health.check(),
    close() {
      history.stop();
      return db.close();
    },
  };
}
