import { closeSync, copyFileSync, existsSync, fstatSync, ftruncateSync, openSync, readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { fromSqlText } from "../../../io/sqlite/database.ts";
import type { Database, SqlRow } from "../../../io/sqlite/database.ts";
import type { ExportLine, HistoryEntry, Lost } from "../store.ts";
import { troubleOf } from "../trouble.ts";
import { isBuried } from "./history.ts";
import type { SqliteHistory } from "./history.ts";
import { readDocumentRow } from "./rows.ts";

/** Rows are read in ranges of so many ids, as long as nothing is wrong with them. */
const IDS_A_RANGE = 512;

/** The result, or null where the file is damaged at that place. */
function unlessDamaged<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (troubleOf(error) === "Damaged" || error instanceof TypeError) return null;
    throw error;
  }
}

/**
 * Makes the lines of an export from a damaged file: all that can be read, and a count of what cannot. It asks for ranges of ids;
 * where one cannot be read it asks for its halves, so that a broken page costs what stood on it.
 */
export function createSqliteSalvage(db: Database, chains: SqliteHistory): (lost: Lost) => AsyncGenerator<ExportLine> {
  /** The largest id that there may be. */
  function lastId(table: "users" | "documents"): number {
    const largest = db.prepare(`SELECT max(id) AS last FROM ${table}`);
    const given = db.prepare("SELECT seq AS last FROM sqlite_sequence WHERE name = ?");
    const indexed = db.prepare(`SELECT max(id) AS last FROM ${table} INDEXED BY sqlite_autoindex_${table}_1`);
    const ways = [() => largest.get(), () => indexed.get(), () => given.get(table)];
    const ends = ways.map((way) => Number(unlessDamaged(way)?.["last"] ?? 0));
    return ends.reduce((one, other) => Math.max(one, other), 0);
  }

  async function* rowsOf(table: "users" | "documents", lose: () => void): AsyncGenerator<SqlRow> {
    const select = db.prepare(`SELECT * FROM ${table} NOT INDEXED WHERE id BETWEEN ? AND ?`);

    function* between(from: number, to: number): Generator<SqlRow> {
      const rows = unlessDamaged(() => select.all(from, to));
      if (rows !== null) {
        yield* rows;
      } else if (from === to) {
        lose();
      } else {
        const middle = Math.floor((from + to) / 2);
        yield* between(from, middle);
        yield* between(middle + 1, to);
      }
    }

    const end = lastId(table);
    for (let from = 1; from <= end; from += IDS_A_RANGE) {
      yield* between(from, Math.min(end, from + IDS_A_RANGE - 1));
      await setImmediate();
    }
  }

  return async function* salvageLines(lost) {
    const names = new Map<number, string>();
    for await (const row of rowsOf("users", () => (lost.accounts += 1))) {
      const user = unlessDamaged(() => [fromSqlText(row["name"]), fromSqlText(row["credential"])] as const);
      if (user === null) {
        lost.accounts += 1;
        continue;
      }
      const [username, credential] = user;
      names.set(Number(row["id"]), username);
      if (isBuried(username)) continue;
      yield { kind: "user", username, credential };
    }
    for await (const row of rowsOf("documents", () => (lost.documents += 1))) {
      const username = names.get(Number(row["user_id"]));
      if (username !== undefined && isBuried(username)) continue;
      const record = unlessDamaged(() => readDocumentRow(row));
      if (username === undefined || record === null) {
        lost.documents += 1;
        continue;
      }
      const history: HistoryEntry[] | null = unlessDamaged(() => chains.read(Number(row["id"])));
      if (history === null) lost.histories += 1;
      yield { kind: "document", username, record, history: history ?? [] };
    }
    // Aliases are made anew when they are needed.
  };
}

/**
 * Copies a database that SQLite does not open because it was cut short: the copy has the length that the file says of itself,
 * and its missing pages are empty.
 */
export function copyWhole(path: string, copy: string): void {
  copyFileSync(path, copy);
  if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`);
  const file = openSync(copy, "r+");
  try {
    const header = Buffer.alloc(100);
    if (readSync(file, header, 0, 100, 0) < 100) return;
    // A page of 64 KiB does not fit into the two bytes, and is written as 1.
    const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
    const length = pageSize * header.readUInt32BE(28);
    if (fstatSync(file).size < length) ftruncateSync(file, length);
  } finally {
    closeSync(file);
  }
}
