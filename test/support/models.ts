/** Plain models for tests: complete, unremarkable, changed by what a test is about. */
import type { Account } from "../../src/model/account.ts";
import type { KnownDigest } from "../../src/model/digest.ts";
import type { Book } from "../../src/model/plan.ts";

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
    digests: [],
    names: [],
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
