import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { AccountKey, AccountName } from "../model/account-name.ts";
import type { AccountChange } from "../model/hosting.ts";
import { createCredentials } from "./credentials.ts";
import { formatExport, importExport, parseExport } from "./stores/export-lines.ts";
import type { TransferCount } from "./stores/export-lines.ts";
import { openStore } from "./listen.ts";
import type { StorePlace } from "./listen.ts";

/** What an owner does to a store from outside, while a server may be running on it. */
export interface Admin {
  /** `key` is the MD5 of the password in lowercase hex, as KOReader makes it. */
  addUser(username: string, key: string): Promise<AccountChange>;
  setPassword(username: string, key: string): Promise<AccountChange>;
  deleteUser(username: string): Promise<boolean>;
  listUsers(): Promise<string[]>;
  /** Writes all to a new file that only its owner can read; rejects when the file is there already. Resolves with the number of lines. */
  exportTo(path: string): Promise<number>;
  /** Rejects with BrokenLine at a line that is none of an export; what came before it is in the store. */
  importFile(path: string): Promise<TransferCount>;
  /** Takes over all that another store holds, for example a reference server's Redis. */
  importStore(place: StorePlace): Promise<TransferCount>;
  close(): Promise<void>;
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
      const file = await open(path, "wx", 0o600);
      try {
        let lines = 0;
        for await (const line of formatExport(store)) {
          await file.write(line);
          lines += 1;
        }
        await file.sync();
        return lines;
      } finally {
        await file.close();
      }
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
