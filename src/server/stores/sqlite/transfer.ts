import { fromSqlText, toSqlText, toSqlTextOrNull } from "../../../io/sqlite/database.ts";
import type { Database } from "../../../io/sqlite/database.ts";
import { formatIdentifiers } from "../identifiers.ts";
import type { SqliteHistory } from "./history.ts";
import type { SqliteUsage } from "./usage.ts";
import { readDocumentRow } from "./rows.ts";
import type { ExportLine, HistoryEntry, Store, StoredRecord } from "../store.ts";

/** The export and import of the SQLite store. */
export function createSqliteTransfer(
  db: Database,
  usernames: () => AsyncIterable<string>,
  writeAccounts: <T>(work: () => T) => Promise<T>,
  chains: SqliteHistory,
  usage: SqliteUsage,
): Pick<Store, "exportLines" | "importLines"> {
  const selectUser = db.prepare("SELECT id, credential FROM users WHERE name = ?");
  const selectDocuments = db.prepare("SELECT * FROM documents WHERE user_id = ? AND id > ? ORDER BY id LIMIT 500");
  const selectAliases = db.prepare(
    "SELECT a.type, a.value, d.document FROM aliases a JOIN documents d ON d.id = a.document_id WHERE a.user_id = ? ORDER BY a.value",
  );
  const upsertUser = db.prepare(
    "INSERT INTO users (name, credential) VALUES (?, ?) ON CONFLICT DO UPDATE SET credential = excluded.credential",
  );
  const insertDocument = db.prepare(
    `INSERT INTO documents (user_id, document, timestamp, percentage, progress, device, device_id, filename, title, authors, identifiers, writes)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertHistory = db.prepare(
    `INSERT INTO history (document_id, number, previous, timestamp, percentage, progress, device, device_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const linkHistory = db.prepare("UPDATE documents SET previous = ? WHERE id = ?");
  const upsertAlias = db.prepare(
    `INSERT INTO aliases (user_id, value, type, document_id)
     SELECT d.user_id, ?, ?, d.id FROM documents d WHERE d.user_id = ? AND d.document = ?
     ON CONFLICT DO UPDATE SET type = excluded.type, document_id = excluded.document_id`,
  );

  function putDocument(username: string, userId: number, record: StoredRecord, history: readonly HistoryEntry[]): void {
    const { metadata } = record;
    chains.deleteDocument(username, record.document);
    const { lastInsertRowid } = insertDocument.run(
      userId,
      toSqlText(record.document),
      record.timestamp,
      record.percentage,
      toSqlText(record.progress),
      toSqlText(record.device),
      toSqlTextOrNull(record.device_id),
      toSqlTextOrNull(metadata?.filename),
      toSqlTextOrNull(metadata?.title),
      toSqlTextOrNull(metadata?.authors),
      record.identifiers === null ? null : formatIdentifiers(record.identifiers),
      history.length,
    );
    let previous: number | bigint | null = null;
    let first: number | null = null;
    for (const [number, entry] of history.toReversed().entries()) {
      const { timestamp, percentage, progress, device, device_id } = entry;
      previous = insertHistory.run(
        lastInsertRowid,
        number,
        previous,
        timestamp,
        percentage,
        toSqlText(progress),
        toSqlText(device),
        toSqlTextOrNull(device_id),
      ).lastInsertRowid;
      first ??= Number(previous);
    }
    if (first !== null) usage.countHistory(userId, first, Number(previous));
    linkHistory.run(previous, lastInsertRowid);
  }

  function putLine(line: ExportLine): void {
    if (line.kind === "user") {
      upsertUser.run(toSqlText(line.username), toSqlText(line.credential));
      return;
    }
    const user = selectUser.get(toSqlText(line.username));
    if (user === undefined) throw new Error("An imported line names an account that is not there.");
    const userId = Number(user["id"]);
    if (line.kind === "document") putDocument(line.username, userId, line.record, line.history);
    else upsertAlias.run(line.value, line.type, userId, toSqlText(line.document));
  }

  async function* exportUser(username: string): AsyncGenerator<ExportLine> {
    const user = selectUser.get(toSqlText(username));
    if (user === undefined) return;
    const userId = Number(user["id"]);
    yield { kind: "user", username, credential: fromSqlText(user["credential"]) };
    for (let last = 0; ;) {
      const page = selectDocuments.all(userId, last);
      for (const row of page) {
        const history = chains.read(Number(row["id"]));
        yield { kind: "document", username, record: readDocumentRow(row), history };
      }
      const end = page.at(-1);
      if (end === undefined) break;
      last = Number(end["id"]);
    }
    for (const row of selectAliases.all(userId)) {
      const document = fromSqlText(row["document"]);
      yield { kind: "alias", username, type: String(row["type"]), value: String(row["value"]), document };
    }
  }

  return {
    async *exportLines() {
      for await (const username of usernames()) yield* exportUser(username);
    },
    importLines: (lines) => writeAccounts(() => lines.forEach(putLine)),
  };
}
