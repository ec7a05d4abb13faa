/** Plain models for tests: complete, unremarkable, changed by what a test is about. */
import type { Account } from "../../src/model/account.ts";
import type { DeviceReading } from "../../src/model/device-reading.ts";
import type { KnownDigest } from "../../src/model/digest.ts";
import type { Book } from "../../src/model/plan.ts";
import type { ColumnMapping, Profile, Rules } from "../../src/model/profile.ts";

/** A book of which nothing is known yet. */
export function bookOf(more: Partial<Book> = {}): Book {
  return {
    book_id: 1,
    uuid: "u-1",
    title: "Emma",
    authors: ["Jane Austen"],
    formats: [],
    cells: {},
    base: null,
    changed_at: {},
    written: {},
    declined: [],
    observations: [],
    marks: [],
    readings: [],
    digests: [],
    names: [],
    added: 0,
    news: 0,
    ...more,
  };
}

/** A digest that was sent once, long ago, and of which nothing else is known. */
export function knownDigestOf(digest: string, more: Partial<KnownDigest> = {}): KnownDigest {
  return {
    digest,
    kind: "partial_md5",
    source: "sent",
    format: null,
    name: null,
    size: null,
    content_key: null,
    device: null,
    first_seen: 0,
    last_seen: 0,
    answered: null,
    ...more,
  };
}

/** An account with nothing special about it. */
export function accountOf(more: Partial<Account> = {}): Account {
  return {
    id: "a",
    url: "http://127.0.0.1:9",
    username: "anna",
    userkey: "k",
    headers: {},
    tls: { mode: "system" },
    proxy: null,
    ...more,
  };
}

/** Rules as a new profile has them. */
export const RULES: Rules = {
  conflict: "newest",
  finish_at: 0.99,
  reading_from: 0.01,
  reread: "ask",
  larger_step: 0.05,
  status_words: { unread: "Unread", reading: "Reading", finished: "Finished" },
};

/** One mapped column. */
export function column(
  field: ColumnMapping["field"],
  name: string,
  datatype: ColumnMapping["datatype"],
  more: Partial<ColumnMapping> = {},
): ColumnMapping {
  return { field, column: name, datatype, scale: 1, enum_values: [], ...more };
}

/** A profile that ran before, with the given columns and rules. */
export function profileOf({ rules, ...more }: Partial<Omit<Profile, "rules">> & { rules?: Partial<Rules> }): Profile {
  return {
    id: "home",
    matching: "binary",
    columns: [column("percent", "#pct", "int"), column("status", "#status", "text")],
    ran_before: true,
    time_zone: null,
    ...more,
    rules: { ...RULES, ...rules },
  };
}

/** A sidecar of which nothing but its document is told. */
export function deviceReadingOf(digest: string, more: Partial<DeviceReading> = {}): DeviceReading {
  return {
    digest,
    source: "sidecar",
    device: "Kobo eReader",
    device_id: "card-1",
    at: null,
    percentage: null,
    progress: null,
    status: null,
    marked: null,
    rating: null,
    review: null,
    read_time: null,
    read_on: null,
    time_left: null,
    started: null,
    last_read: null,
    ...more,
  };
}
