import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { AccountKey, AccountName } from "../model/account-name.ts";
import { SyncError } from "../model/error.ts";
import type { AccountChange } from "../model/hosting.ts";
import { createCredentials } from "./credentials.ts";
import { formatExport, importExport, parseExport } from "./stores/export-lines.ts";
import type { TransferCount } from "./stores/export-lines.ts";
import { openStore } from "./listen.ts";
import type { StorePlace } from "./listen.ts";
import type { ExportLine, Lost } from "./stores/store.ts";
import { troubleOf } from "./stores/trouble.ts";

/** What an owner does to a store from outside, while a server may be running on it. */
export interface Admin {
  /** `key` is the MD5 of the password in lowercase hex, as KOReader makes it. */
  addUser(username: string, key: string): Promise<AccountChange>;
  setPassword(username: string, key: string): Promise<AccountChange>;
  deleteUser(username: string): Promise<boolean>;
  listUsers(): Promise<string[]>;
  /**
   * Writes all to a new file that only its owner can read; rejects when the file is there already, and leaves none that is not
   * whole. What cannot be read of a damaged store is counted.
   */
  exportTo(path: string): Promise<{ readonly lines: number; readonly lost: Lost | null }>;
  /** Rejects with BrokenLine at a line that is none of an export; what came before it is in the store. */
  importFile(path: string): Promise<TransferCount>;
  /** Takes over all that another store holds, for example a reference server's Redis. */
  importStore(place: StorePlace): Promise<TransferCount>;
  close(): Promise<void>;
}

/** Writes an export to a file that was not there; when that fails it is not there again. Resolves with the number of lines. */
async function writeNew(path: string, lines: AsyncIterable<ExportLine>): Promise<number> {
  const file = await open(path, "wx", 0o600);
  let count = 0;
  try {
    for await (const line of formatExport(lines)) {
      await file.write(line);
      count += 1;
    }
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return count;
}

/**
 * Opens a store to read what can be read of it, for a backup: a file that is cut short is read in a copy, which goes when it
 * is closed. Rejects with SyncError StoreUnavailable.
 */
export async function openForBackup(place: StorePlace): Promise<Admin> {
  try {
    return await openAdmin(place);
  } catch (error) {
    if (place.data === undefined || place.redis !== undefined || !existsSync(join(place.data, "kosync.sqlite")))
      throw error;
    const { copyWhole } = await import("./stores/sqlite/salvage.ts");
    const copy = mkdtempSync(join(place.data, ".salvage-"));
    const remove = (): void => rmSync(copy, { recursive: true, force: true });
    try {
      copyWhole(join(place.data, "kosync.sqlite"), join(copy, "kosync.sqlite"));
      const admin = await openAdmin({ data: copy });
      return { ...admin, close: () => admin.close().finally(remove) };
    } catch {
      remove();
      const file = join(place.data, "kosync.sqlite");
      throw new SyncError("StoreUnavailable", {
        reason: `nothing of ${file} can be read. Restore your last backup into another folder`,
      });
    }
  }
}

/** Opens a store to administer it; rejects with SyncError StoreUnavailable. */
export async function openAdmin(place: StorePlace): Promise<Admin> {
  const store = await openStore(place);
  const credentials = createCredentials({ verbatim: store.keepsKeysVerbatim });

  return {
    async addUser(username, key) {
      if (!AccountName.safeParse(username).success) return "unfit_name";
      if (!AccountKey.safeParse(key).success) return "unfit_password";
      if ((await store.credentialOf(username)) !== null) return "taken";
      return (await store.createUser(username, await credentials.make(key))) ? "done" : "taken";
    },
    async setPassword(username, key) {
      if (!AccountKey.safeParse(key).success) return "unfit_password";
      const current = await store.credentialOf(username);
      if (current === null) return "unknown";
      const isDone = await store.replaceCredential(username, current, await credentials.make(key));
      return isDone ? "done" : "unknown";
    },
    async deleteUser(username) {
      const current = await store.credentialOf(username);
      return current !== null && store.deleteUser(username, current);
    },
    async listUsers() {
      const names: string[] = [];
      for await (const name of store.usernames()) names.push(name);
      return names.toSorted((a, b) => (a < b ? -1 : 1));
    },
    async exportTo(path) {
      try {
        return { lines: await writeNew(path, store.exportLines()), lost: null };
      } catch (error) {
        if (troubleOf(error) !== "Damaged" || store.salvageLines === undefined) throw error;
      }
      const lost: Lost = { accounts: 0, documents: 0, histories: 0 };
      return { lines: await writeNew(path, store.salvageLines(lost)), lost };
    },
    importFile: (path) => {
      const lines = createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Number.POSITIVE_INFINITY });
      return importExport(store, credentials, parseExport(lines));
    },
    async importStore(place) {
      const source = await openStore(place);
      try {
        return await importExport(store, credentials, source.exportLines());
      } finally {
        await source.close();
      }
    },
    close: () => store.close(),
  };
}
