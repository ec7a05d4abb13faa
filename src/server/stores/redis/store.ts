import { randomBytes } from "node:crypto";
import * as z from "zod";
import { mayClaim, toHistoryEntry } from "../merge-record.ts";
import { DEFAULT_QUOTA } from "../quota.ts";
import type { Quota } from "../quota.ts";
import { createRedisHealth } from "./health.ts";
import { connectRedis } from "./link.ts";
import { createRedisTransfer, scanKeys } from "./transfer.ts";
import { formatFields, pairFields, readEntry, readFields } from "./records.ts";
import { CREATE_USER, DELETE_DOCUMENT, FIND, FORGET, LEAVE, REPLACE_CREDENTIAL, WRITE } from "./scripts.ts";
import { MAX_SESSIONS } from "../store.ts";
import type { ListQuery, Store, StoredRecord } from "../store.ts";

/** So many records are asked for at once. */
const RECORDS_A_SLICE = 50;

/** How long the index of an account is trusted, in seconds: a reference server beside us writes without it. */
const INDEX_TRUST = 3600;

const FindReply = z.tuple([z.string().nullable(), z.number(), z.string(), z.array(z.string())]);
const WriteReply = z.union([z.tuple([]), z.tuple([z.literal(-2)]), z.tuple([z.number(), z.string()])]);

function prefixOf(username: string): string {
  return `user:${username}:`;
}

/**
 * A store in a Redis database of the reference server's layout (`user:NAME:key`, `user:NAME:document:ID`,
 * `user:NAME:alias:VALUE`), which any number of our servers may share, and which the reference server can take back.
 * Rejects when there is no Redis.
 */
export async function openRedisStore(url: string, quota: Quota = DEFAULT_QUOTA): Promise<Store> {
  const link = await connectRedis(url);
  const health = createRedisHealth(link);

  async function ensureIndex(username: string): Promise<void> {
    const prefix = prefixOf(username);
    if ((await link.ask((client) => client.exists(`${prefix}indexed`))) === 1) return;
    for await (const keys of scanKeys(link, `${prefix}document:`)) {
      await Promise.all(
        keys.map(async (key) => {
          const timestamp = Number((await link.ask((client) => client.hGet(key, "timestamp"))) ?? 0);
          const value = key.slice(`${prefix}document:`.length);
          await link.ask((client) =>
            client.zAdd(`${prefix}documents`, { score: timestamp, value }, { comparison: "GT" }),
          );
        }),
      );
    }
    await link.ask((client) => client.set(`${prefix}indexed`, "1", { expiration: { type: "EX", value: INDEX_TRUST } }));
  }

  async function recordOf(username: string, document: string): Promise<StoredRecord | null> {
    const fields = await link.ask((client) => client.hGetAll(`${prefixOf(username)}document:${document}`));
    return readFields(document, fields);
  }

  async function* list(username: string, { since, after }: ListQuery): AsyncGenerator<StoredRecord[]> {
    await ensureIndex(username);
    const key = `${prefixOf(username)}documents`;
    const names = await link.ask((client) => client.zRangeByScore(key, since, "+inf"));
    const wanted = names.filter((name) => after === null || name > after).toSorted();
    for (let from = 0; from < wanted.length; from += RECORDS_A_SLICE) {
      const slice = wanted.slice(from, from + RECORDS_A_SLICE);
      const records = await Promise.all(slice.map((name) => recordOf(username, name)));
      yield records.filter((record) => record !== null).filter(({ timestamp }) => timestamp >= since);
    }
  }

  async function* usernames(): AsyncGenerator<string> {
    const seen = new Set<string>();
    for await (const keys of scanKeys(link, "user:")) {
      for (const key of keys) {
        const name = /^user:([^:]+):key$/s.exec(key)?.[1];
        if (name === undefined || seen.has(name)) continue;
        seen.add(name);
        yield name;
      }
    }
  }

  /**
   * Removes what an account that is gone has left, a page of keys at a time, so that nobody else waits for it. A server
   * that ends in the middle leaves the rest marked: the name is free again once that is gone too.
   */
  async function forget(username: string): Promise<void> {
    const prefix = prefixOf(username);
    const mark = `${prefix}leaving`;
    for await (const keys of scanKeys(link, prefix)) {
      const left = keys.filter((key) => key !== mark);
      if ((await link.run(FORGET, [prefix, ...left])) === 0) return;
    }
    await link.run(FORGET, [prefix, mark]);
  }

  return {
    kind: "redis",
    keepsKeysVerbatim: true,
    async createUser(username, credential) {
      const make = (): Promise<unknown> => health.writing(link.run(CREATE_USER, [prefixOf(username), credential]));
      const made = await make();
      if (made !== -1) return made === 1;
      await forget(username);
      return (await make()) === 1;
    },
    credentialOf: (username) => link.ask((client) => client.get(`${prefixOf(username)}key`)),
    async replaceCredential(username, current, next) {
      return (await link.run(REPLACE_CREDENTIAL, [prefixOf(username), current, next])) === 1;
    },
    async deleteUser(username, current) {
      const args = current === null ? [] : [current];
      if ((await link.run(LEAVE, [prefixOf(username), ...args])) !== 1) return false;
      await forget(username);
      return true;
    },
    async find(username, names, followAliases) {
      const reply = await link.run(FIND, [prefixOf(username), followAliases ? "1" : "0", ...names]);
      const [credential, match, document, flat] = FindReply.parse(reply);
      const record = match < 0 ? null : readFields(document, pairFields(flat));
      return { credential, found: record === null ? null : { record, match } };
    },
    async write(username, credential, write) {
      const list = write.identifiers ?? [];
      const names = list.flatMap((entry) => [entry.type, entry.value, mayClaim(entry, write.document) ? "1" : "0"]);
      const head = [prefixOf(username), credential, write.document, String(write.timestamp)];
      const limits = [quota.documents, quota.bytes, list.length].map(String);
      const reply = await health.writing(link.run(WRITE, [...head, ...limits, ...names, ...formatFields(write)]));
      const [hit, document] = WriteReply.parse(reply);
      if (hit === undefined) return { status: "unauthorized" };
      if (document === undefined) return { status: "full" };
      const match = hit < 0 ? list.find(({ value }) => value === write.document) : list[hit];
      return { status: "written", document, match: match?.type ?? null };
    },
    list,
    async edition(username) {
      return (await link.ask((client) => client.hGet(`${prefixOf(username)}usage`, "changes"))) ?? "";
    },
    async startSession(username, id, expires, now) {
      const key = `${prefixOf(username)}sessions`;
      await link.ask((client) =>
        client
          .multi()
          .zAdd(key, { score: expires, value: id })
          .zRemRangeByScore(key, 0, now)
          .zRemRangeByRank(key, 0, -MAX_SESSIONS - 1)
          .exec(),
      );
    },
    async hasSession(username, id, now) {
      const expires = await link.ask((client) => client.zScore(`${prefixOf(username)}sessions`, id));
      return expires !== null && expires > now;
    },
    async endSession(username, id) {
      await link.ask((client) => client.zRem(`${prefixOf(username)}sessions`, id));
    },
    async history(username, document) {
      const key = `${prefixOf(username)}history:${document}`;
      const [record, earlier] = await Promise.all([
        recordOf(username, document),
        link.ask((client) => client.lRange(key, 0, -1)),
      ]);
      return record === null ? [] : [toHistoryEntry(record), ...earlier.map(readEntry)];
    },
    async deleteDocument(username, document) {
      return (await link.run(DELETE_DOCUMENT, [prefixOf(username), document])) === 1;
    },
    usernames,
    ...createRedisTransfer(link, usernames),
    async secret() {
      const key = "koreader-progress:secret";
      await link.ask((client) => client.set(key, randomBytes(32).toString("hex"), { condition: "NX" }));
      return (await link.ask((client) => client.get(key))) ?? "";
    },
    check: () => health.check(),
    close: () => link.close(),
  };
}
