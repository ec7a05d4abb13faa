import { randomBytes } from "node:crypto";
import { resolveNames, toHistoryEntry } from "../merge-record.ts";
import { DEFAULT_QUOTA } from "../quota.ts";
import type { Quota } from "../quota.ts";
import { MAX_SESSIONS } from "../store.ts";
import type { ExportLine, ListQuery, Store } from "../store.ts";
import { newMember, place, put, putIdentified } from "./member.ts";
import type { Member, Shelf } from "./member.ts";

/** So many records are told at once. */
const RECORDS_A_SLICE = 500;

/** A store that forgets everything when the server ends: for tests and demonstrations. */
export function createMemoryStore(quota: Quota = DEFAULT_QUOTA): Store {
  const members = new Map<string, Member>();
  const secret = randomBytes(32).toString("hex");

  return {
    kind: "memory",
    keepsKeysVerbatim: false,
    async createUser(username, credential) {
      if (members.has(username)) return false;
      members.set(username, newMember(credential));
      return true;
    },
    async credentialOf(username) {
      return members.get(username)?.credential ?? null;
    },
    async replaceCredential(username, current, next) {
      const member = members.get(username);
      if (member?.credential !== current) return false;
      member.credential = next;
      return true;
    },
    async deleteUser(username, current) {
      if ((members.get(username)?.credential ?? null) !== current) return false;
      members.delete(username);
      return true;
    },
    async find(username, names, followAliases) {
      const member = members.get(username);
      if (member === undefined) return { credential: null, found: null };
      const resolved = resolveNames(
        names,
        (name) => member.shelves.has(name),
        (name) => (followAliases ? (member.aliases.get(name)?.document ?? null) : null),
      );
      const record = resolved === null ? undefined : member.shelves.get(resolved.document)?.record;
      const found = resolved === null || record === undefined ? null : { record, match: resolved.match };
      return { credential: member.credential, found };
    },
    async write(username, credential, write) {
      const member = members.get(username);
      if (member?.credential !== credential) return { status: "unauthorized" };
      if (write.identifiers !== null) return putIdentified(member, write, write.identifiers, quota);
      if (!put(member, write.document, write, quota)) return { status: "full" };
      return { status: "written", document: write.document, match: null };
    },
    async *list(username, { since, after }: ListQuery) {
      const shelves = members.get(username)?.shelves ?? new Map<string, Shelf>();
      const names = [...shelves.keys()].filter((name) => after === null || name > after).toSorted();
      for (let from = 0; from < names.length; from += RECORDS_A_SLICE) {
        const records = names.slice(from, from + RECORDS_A_SLICE).map((name) => shelves.get(name)?.record);
        yield records
          .filter((record) => record !== undefined && record.timestamp >= since)
          .filter((r) => r !== undefined);
      }
    },
    async edition(username) {
      return String(members.get(username)?.changes ?? 0);
    },
    async history(username, document) {
      const shelf = members.get(username)?.shelves.get(document);
      return shelf === undefined ? [] : [toHistoryEntry(shelf.record), ...shelf.history];
    },
    async deleteDocument(username, document) {
      const member = members.get(username);
      if (member === undefined || !member.shelves.has(document)) return false;
      place(member, document, null);
      for (const [value, target] of member.aliases) {
        if (target.document === document) member.aliases.delete(value);
      }
      return true;
    },
    async *usernames() {
      yield* members.keys();
    },
    async *exportLines() {
      for (const [username, { credential, shelves, aliases }] of members) {
        yield { kind: "user", username, credential };
        for (const { record, history } of shelves.values()) yield { kind: "document", username, record, history };
        for (const [value, { type, document }] of aliases) yield { kind: "alias", username, type, value, document };
      }
    },
    async importLines(lines: readonly ExportLine[]) {
      for (const line of lines) {
        const member = members.get(line.username);
        if (line.kind === "user") {
          if (member === undefined) {
            members.set(line.username, newMember(line.credential));
          } else {
            member.credential = line.credential;
          }
        } else if (member === undefined) {
          throw new Error("An imported line names an account that is not there.");
        } else if (line.kind === "document") {
          place(member, line.record.document, { record: line.record, history: [...line.history] });
        } else {
          member.aliases.set(line.value, { type: line.type, document: line.document });
        }
      }
    },
    async startSession(username, id, expires, now) {
      const sessions = members.get(username)?.sessions;
      if (sessions === undefined) return;
      sessions.set(id, expires);
      for (const [known, until] of sessions) if (until <= now || sessions.size > MAX_SESSIONS) sessions.delete(known);
    },
    async hasSession(username, id, now) {
      return (members.get(username)?.sessions.get(id) ?? 0) > now;
    },
    async endSession(username, id) {
      members.get(username)?.sessions.delete(id);
    },
    secret: () => Promise.resolve(secret),
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
