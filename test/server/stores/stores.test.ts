import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HISTORY_LENGTH, MAX_SESSIONS } from "../../../src/server/stores/store.ts";
import type { ExportLine, ProgressWrite, Store } from "../../../src/server/stores/store.ts";
import { collect, listed, openTestStore, STORE_KINDS } from "../support/stores.ts";
import type { StoreUnderTest } from "../support/stores.ts";

function position(document: string, changes: Partial<ProgressWrite> = {}): ProgressWrite {
  return {
    document,
    percentage: 0.25,
    progress: "/body/DocFragment[2]/body/p[3]/text().7",
    device: "Kobo",
    device_id: null,
    timestamp: 1_700_000_000,
    metadata: null,
    identifiers: null,
    ...changes,
  };
}

const weakly = (document: string, weak: boolean) => [
  { type: "content", value: document },
  { type: "filename", value: "F1", weak },
];

const long = (letter: string): string => letter.repeat(4000);

describe.each(STORE_KINDS)("the %s store", (kind) => {
  let opened: StoreUnderTest;
  let store: Store;
  beforeAll(async () => {
    opened = await openTestStore(kind);
    store = opened.store;
  });
  afterAll(() => opened.close());

  async function account(username: string): Promise<string> {
    await store.createUser(username, `key of ${username}`);
    return `key of ${username}`;
  }

  test("gives a name to the first who asks, and keeps what it was given", async () => {
    const answers = await Promise.all([store.createUser("first", "a"), store.createUser("first", "b")]);
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await store.credentialOf("first")).toBe(answers[0] ? "a" : "b");
    expect(await store.credentialOf("nobody")).toBeNull();
  });

  test("changes a credential only from the one that stands", async () => {
    const key = await account("changer");
    expect(await store.replaceCredential("changer", "wrong", "new")).toBe(false);
    const answers = await Promise.all([
      store.replaceCredential("changer", key, "one"),
      store.replaceCredential("changer", key, "two"),
    ]);
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await store.credentialOf("changer")).toBe(answers[0] ? "one" : "two");
    expect(await store.replaceCredential("nobody", "a", "b")).toBe(false);
  });

  test.each([
    ["plain", "0b229176d4e8db7f6d2b5a4952368d7a"],
    ["with dots, hyphens and slashes", "../my-book.v2/epub?x#y"],
    ["with a NUL, control characters and quotes", "a\0b\n\t\u007f'\"\\"],
    ["beyond ASCII", "Čapek – Válka s mloky 🦎"],
    ["of Redis patterns", "a*b[c]?d\\e^f"],
    ["of blanks", "   "],
  ])("gives back a record byte for byte, its id and text %s", async (_name, text) => {
    const key = await account(`owner ${text}`);
    const write = position(text, { progress: text, device: text, device_id: text, metadata: { title: text } });
    expect(await store.write(`owner ${text}`, key, write)).toEqual({ status: "written", document: text, match: null });
    expect(await store.find(`owner ${text}`, [text], false)).toEqual({
      credential: key,
      found: { record: write, match: 0 },
    });
    expect(await listed(store, `owner ${text}`)).toEqual([write]);
  });

  test("keeps a device id and metadata that a later write leaves out, field by field", async () => {
    const key = await account("forgetful");
    const metadata = { filename: "a.epub", title: "A" };
    await store.write("forgetful", key, position("a", { device_id: "X1", metadata }));
    await store.write("forgetful", key, position("a", { metadata: { authors: "B" }, percentage: 0 }));
    await store.write("forgetful", key, position("a", { metadata: { title: "A2" }, progress: "" }));
    const { found } = await store.find("forgetful", ["a"], false);
    expect(found?.record).toEqual(
      position("a", { device_id: "X1", metadata: { filename: "a.epub", title: "A2", authors: "B" }, progress: "" }),
    );
  });

  test("refuses a write whose account is gone or has another key, and stores nothing", async () => {
    const key = await account("leaving");
    expect(await store.write("leaving", "wrong", position("a"))).toEqual({ status: "unauthorized" });
    expect(await store.deleteUser("leaving", key)).toBe(true);
    expect(await store.write("leaving", key, position("a"))).toEqual({ status: "unauthorized" });
    expect(await store.find("leaving", ["a"], false)).toEqual({ credential: null, found: null });
    await account("leaving");
    expect((await store.find("leaving", ["a"], false)).found).toBeNull();
  });

  test("deletes an account whole: positions, history, aliases, and nobody else's", async () => {
    const key = await account("gone");
    const other = await account("gone too");
    const identifiers = [
      { type: "content", value: "C1" },
      { type: "structure", value: "S1" },
    ];
    for (const [name, credential] of [
      ["gone", key],
      ["gone too", other],
    ] as const) {
      await store.write(name, credential, position("C1", { identifiers }));
      await store.write(name, credential, position("C1", { identifiers, percentage: 0.5 }));
    }
    expect(await store.deleteUser("gone", "wrong")).toBe(false);
    expect(await store.deleteUser("gone", null)).toBe(false);
    expect(await store.deleteUser("gone", key)).toBe(true);
    const lines = await collect(store.exportLines());
    expect(lines.filter(({ username }) => username === "gone")).toEqual([]);
    expect(lines.filter(({ username }) => username === "gone too").map(({ kind }) => kind)).toEqual([
      "user",
      "document",
      "alias",
    ]);
    await account("gone");
    expect(await store.history("gone", "C1")).toEqual([]);
    expect((await store.find("gone", ["S1"], true)).found).toBeNull();
    expect(await store.deleteUser("never there", null)).toBe(true);
  });

  test("remembers the last positions of a document, newest first, and no more than it promises", async () => {
    const key = await account("historian");
    const turnTo = (page: number) =>
      store.write("historian", key, position("a", { progress: String(page), timestamp: 1000 + page }));
    for (let page = 1; page <= 3; page++) await turnTo(page);
    expect((await store.history("historian", "a")).map(({ progress }) => progress)).toEqual(["3", "2", "1"]);
    for (let page = 4; page <= HISTORY_LENGTH + 20; page++) await turnTo(page);
    const entries = await store.history("historian", "a");
    expect(entries).toHaveLength(HISTORY_LENGTH);
    expect(entries[0]).toEqual({
      percentage: 0.25,
      progress: String(HISTORY_LENGTH + 20),
      device: "Kobo",
      device_id: null,
      timestamp: 1000 + HISTORY_LENGTH + 20,
    });
    expect(entries.at(-1)?.progress).toBe("21");
    expect(await store.history("historian", "unknown")).toEqual([]);
  });

  test("deletes one document with its history and its aliases, and can begin it anew", async () => {
    const key = await account("tidy");
    const identifiers = [
      { type: "content", value: "D1" },
      { type: "structure", value: "DS" },
    ];
    await store.write("tidy", key, position("D1", { identifiers }));
    await store.write("tidy", key, position("D1", { identifiers, progress: "2" }));
    await store.write("tidy", key, position("kept"));
    expect(await store.deleteDocument("tidy", "D1")).toBe(true);
    expect(await store.deleteDocument("tidy", "D1")).toBe(false);
    expect((await store.find("tidy", ["D1", "DS"], true)).found).toBeNull();
    await store.write("tidy", key, position("D1", { progress: "3" }));
    expect((await store.history("tidy", "D1")).map(({ progress }) => progress)).toEqual(["3"]);
    expect((await listed(store, "tidy")).map(({ document }) => document)).toEqual(["D1", "kept"]);
  });

  test("lists documents since a second, that second included, in pages without gap or repetition", async () => {
    const key = await account("lister");
    const names = Array.from({ length: 25 }, (_, index) => `doc-${String(index).padStart(2, "0")}`);
    for (const [index, name] of names.entries()) {
      await store.write("lister", key, position(name, { timestamp: 2000 + index }));
    }
    await store.write("lister", key, position("doc-00", { timestamp: 3000 }));
    const seen: string[] = [];
    for (let after: string | null = null; ;) {
      const page = (await listed(store, "lister", { since: 2010, after })).slice(0, 4);
      if (page.length === 0) break;
      seen.push(...page.map(({ document }) => document));
      after = page.at(-1)?.document ?? null;
    }
    expect(seen).toEqual(["doc-00", ...names.slice(10)]);
    expect(await listed(store, "nobody")).toEqual([]);
  });

  test("gives a listing in slices, and goes on from any of them although documents come and go meanwhile", async () => {
    const key = await account("slicer");
    const names = Array.from({ length: 700 }, (_, index) => `doc-${String(index).padStart(4, "0")}`);
    for (const name of names) await store.write("slicer", key, position(name));
    const seen: string[] = [];
    let slices = 0;
    for await (const records of store.list("slicer", { since: 0, after: null })) {
      if ((slices += 1) === 1) await store.deleteDocument("slicer", "doc-0699");
      seen.push(...records.map(({ document }) => document));
    }
    expect(slices).toBeGreaterThan(1);
    expect(seen).toEqual(names.slice(0, -1));
  });

  test("tells another edition after each write, and of each account its own", async () => {
    const key = await account("editor");
    await account("unmoved");
    const unmoved = await store.edition("unmoved");
    const editions = [await store.edition("editor")];
    const note = async (step: Promise<unknown>): Promise<void> => {
      await step;
      editions.push(await store.edition("editor"));
    };
    await note(store.write("editor", key, position("a")));
    await note(store.write("editor", key, position("a")));
    await note(store.write("editor", key, position("a", { metadata: { title: "T" } })));
    await note(store.deleteDocument("editor", "a"));
    await note(store.importLines([{ kind: "document", username: "editor", record: position("b"), history: [] }]));
    expect(new Set(editions).size).toBe(editions.length);
    expect(await store.edition("unmoved")).toBe(unmoved);
  });

  test("keeps the newest sign-ins of an account, until they end, and forgets one alone", async () => {
    const key = await account("visitor");
    for (let index = 0; index < MAX_SESSIONS + 3; index++)
      await store.startSession("visitor", `s${index}`, 2000 + index, 1000);
    const known = async (id: string, now = 1000): Promise<boolean> => store.hasSession("visitor", id, now);
    expect([await known("s2"), await known("s3"), await known("s22")]).toEqual([false, true, true]);
    expect([await known("s3", 2002), await known("s3", 2003)]).toEqual([true, false]);
    await store.endSession("visitor", "s4");
    expect([await known("s4"), await known("s5")]).toEqual([false, true]);
    expect(await store.hasSession("nobody", "s5", 1000)).toBe(false);
    expect(await store.deleteUser("visitor", key)).toBe(true);
    await account("visitor");
    expect(await known("s5")).toBe(false);
  });

  describe("with identifiers", () => {
    const original = [
      { type: "content", value: "C1" },
      { type: "structure", value: "S1" },
      { type: "filename", value: "F1" },
    ];

    test("makes the weaker names aliases of the document that is created", async () => {
      const key = await account("alias maker");
      const write = position("C1", { identifiers: original });
      expect(await store.write("alias maker", key, write)).toEqual({
        status: "written",
        document: "C1",
        match: "content",
      });
      const { found } = await store.find("alias maker", ["C9", "S1"], true);
      expect(found).toEqual({ record: write, match: 1 });
      expect((await store.find("alias maker", ["S1"], false)).found).toBeNull();
    });

    const theirs = [
      { type: "content", value: "C1" },
      { type: "filename", value: "F1" },
    ];
    test("a name that is weak claims no record: another book's place stays, and its own is found", async () => {
      const key = await account("weak");
      await store.write("weak", key, position("C1", { identifiers: theirs, progress: "theirs" }));
      const write = position("C2", { identifiers: weakly("C2", true), progress: "own" });
      expect(await store.write("weak", key, write)).toEqual({ status: "written", document: "C2", match: "content" });
      expect((await store.find("weak", ["C1"], false)).found?.record.progress).toBe("theirs");
      expect((await store.find("weak", ["C2"], false)).found?.record).toMatchObject({
        progress: "own",
        identifiers: [
          { type: "content", value: "C2" },
          { type: "filename", value: "F1" },
        ],
      });
      // Taken by the first, the alias still leads to it.
      expect((await store.find("weak", ["X", "F1"], true)).found?.record.progress).toBe("theirs");
    });

    test("a name that is not weak adopts as ever, and a strong one below a weak one too", async () => {
      const key = await account("strong");
      await store.write("strong", key, position("C1", { identifiers: theirs }));
      await store.write("strong", key, position("O1", { identifiers: [{ type: "other", value: "O1" }] }));
      const adopts = position("C2", { identifiers: weakly("C2", false), progress: "new" });
      expect(await store.write("strong", key, adopts)).toMatchObject({ document: "C1", match: "filename" });
      const below = [
        { type: "content", value: "C3" },
        { type: "filename", value: "F1", weak: true },
        { type: "other", value: "O1" },
      ];
      expect(await store.write("strong", key, position("C3", { identifiers: below }))).toMatchObject({
        document: "O1",
        match: "other",
      });
    });

    test("a weak name makes an alias that is found, and one that is the document itself adopts", async () => {
      const key = await account("weak maker");
      await store.write("weak maker", key, position("C1", { identifiers: weakly("C1", true) }));
      expect((await store.find("weak maker", ["X", "F1"], true)).found?.record.document).toBe("C1");
      const own = [{ type: "filename", value: "F1", weak: true }];
      expect(await store.write("weak maker", key, position("F1", { identifiers: own }))).toMatchObject({
        document: "C1",
        match: "filename",
      });
    });

    test("names the type of the entry that is the document when it creates, wherever it stands", async () => {
      const key = await account("middle");
      const write = position("S1", { identifiers: original });
      expect(await store.write("middle", key, write)).toEqual({
        status: "written",
        document: "S1",
        match: "structure",
      });
      expect((await store.find("middle", ["C1"], true)).found?.record.document).toBe("S1");
    });

    test("writes to the record a weaker name finds, and does not register the stronger ones", async () => {
      const key = await account("repacker");
      await store.write("repacker", key, position("C1", { identifiers: original }));
      const repack = [
        { type: "content", value: "C2" },
        { type: "structure", value: "S1" },
        { type: "filename", value: "F2" },
      ];
      expect(await store.write("repacker", key, position("C2", { identifiers: repack, progress: "9" }))).toEqual({
        status: "written",
        document: "C1",
        match: "structure",
      });
      expect((await store.find("repacker", ["C2"], true)).found).toBeNull();
      expect((await store.find("repacker", ["F2"], true)).found?.record.progress).toBe("9");
      expect((await store.find("repacker", ["C1"], true)).found?.record.identifiers).toEqual(repack);
    });

    test("never repoints an alias, and never shadows a document", async () => {
      const key = await account("careful");
      await store.write("careful", key, position("C1", { identifiers: original }));
      await store.write("careful", key, position("C2", { progress: "own" }));
      const wants = [
        { type: "content", value: "C3" },
        { type: "edition", value: "C2" },
        { type: "filename", value: "F1" },
      ];
      expect(await store.write("careful", key, position("C3", { identifiers: wants }))).toMatchObject({
        document: "C2",
        match: "edition",
      });
      expect((await store.find("careful", ["F1"], true)).found?.record.document).toBe("C1");
      expect((await store.find("careful", ["C2"], true)).found?.record.document).toBe("C2");
    });

    test("a document written under an alias's name wins over the alias from then on", async () => {
      const key = await account("shadow");
      await store.write("shadow", key, position("C1", { identifiers: original }));
      await store.write("shadow", key, position("S1", { progress: "plain" }));
      expect((await store.find("shadow", ["S1"], true)).found?.record.progress).toBe("plain");
    });

    test("gives an alias whose document is gone to the next who needs it", async () => {
      const key = await account("heir");
      await store.write("heir", key, position("C1", { identifiers: original }));
      await store.deleteDocument("heir", "C1");
      const next = [
        { type: "content", value: "C5" },
        { type: "structure", value: "S1" },
      ];
      expect(await store.write("heir", key, position("C5", { identifiers: next }))).toMatchObject({ document: "C5" });
      expect((await store.find("heir", ["S1"], true)).found?.record.document).toBe("C5");
    });

    test("forgets the writer's names when the next writer gives none", async () => {
      const key = await account("nameless");
      await store.write("nameless", key, position("C1", { identifiers: original }));
      await store.write("nameless", key, position("C1", { progress: "other" }));
      expect((await store.find("nameless", ["C1"], false)).found?.record.identifiers).toBeNull();
    });

    test("keeps one account's aliases from another", async () => {
      const key = await account("mine");
      await account("theirs");
      await store.write("mine", key, position("C1", { identifiers: original }));
      expect((await store.find("theirs", ["C1", "S1", "F1"], true)).found).toBeNull();
    });
  });

  test("lists its accounts, each once", async () => {
    await account("zz");
    const names = await collect(store.usernames());
    expect(names).toContain("zz");
    expect(new Set(names).size).toBe(names.length);
  });

  test("has one secret, as long as it lives", async () => {
    expect(await store.secret()).toMatch(/^[0-9a-f]{64}$/);
    expect(await store.secret()).toBe(await store.secret());
  });
});

describe.each(STORE_KINDS)("an account that fills what it may of a %s store", (kind) => {
  let opened: StoreUnderTest;
  let store: Store;
  beforeAll(async () => {
    opened = await openTestStore(kind, { documents: 5, bytes: 20_000 });
    store = opened.store;
  });
  afterAll(() => opened.close());

  const write = (username: string, document: string, changes: Partial<ProgressWrite> = {}) =>
    store.write(username, "k", position(document, changes)).then(({ status }) => status);

  test("may begin no document more, and write those that are there", async () => {
    await store.createUser("many", "k");
    await store.createUser("another", "k");
    for (const name of ["a", "b", "c", "d", "e"]) expect(await write("many", name)).toBe("written");
    expect(await write("many", "f")).toBe("full");
    expect(await write("many", "f", { identifiers: [{ type: "content", value: "f" }] })).toBe("full");
    expect(await write("many", "a", { progress: "again" })).toBe("written");
    expect((await listed(store, "many")).map(({ document }) => document)).toEqual(["a", "b", "c", "d", "e"]);
    expect(await write("another", "f")).toBe("written");
    await store.deleteDocument("many", "b");
    expect([await write("many", "f"), await write("many", "g")]).toEqual(["written", "full"]);
  });

  test("of bytes has its places kept up to date, without their past, until there is room again", async () => {
    await store.createUser("much", "k");
    for (let turn = 0; turn < 8; turn++)
      expect(await write("much", "a", { progress: long(String(turn)) })).toBe("written");
    const { length } = await store.history("much", "a");
    expect(length).toBeGreaterThan(2);
    expect(length).toBeLessThan(8);
    expect((await store.find("much", ["a"], false)).found?.record.progress).toBe(long("7"));
    expect(await write("much", "b", { progress: long("b") })).toBe("full");
    await store.deleteDocument("much", "a");
    expect(await write("much", "b", { progress: long("b") })).toBe("written");
    expect(await store.history("much", "b")).toHaveLength(1);
  });

  test("is counted with what was imported", async () => {
    const history = ["x", "y", "z", "w"].map((letter) => position("a", { progress: long(letter) }));
    await store.importLines([
      { kind: "user", username: "moved", credential: "k" },
      { kind: "document", username: "moved", record: position("a", { progress: long("v") }), history },
    ]);
    expect(await write("moved", "b")).toBe("full");
    await store.importLines([{ kind: "document", username: "moved", record: position("a"), history: [] }]);
    expect(await write("moved", "b")).toBe("written");
  });
});

function sortLines(lines: readonly ExportLine[]): ExportLine[] {
  return lines.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

describe("export and import", () => {
  const pairs = STORE_KINDS.flatMap((from) => STORE_KINDS.map((to) => [from, to] as const));

  test.each(pairs)("everything of a %s store arrives whole in a %s store, twice over", async (from, to) => {
    const source = await openTestStore(from);
    const target = await openTestStore(to);
    try {
      for (const username of ["ann", "bob * \0"]) {
        await source.store.createUser(username, `key ${username}`);
        const identifiers = [
          { type: "content", value: "C1" },
          { type: "structure", value: "S1" },
        ];
        const write = (changes: Partial<ProgressWrite>) =>
          source.store.write(username, `key ${username}`, position("C1", changes));
        await write({ identifiers, device_id: "I1", metadata: { title: "Tītle" } });
        await write({ progress: "2", percentage: 0.123_456_789_012_345_6, timestamp: 1_700_000_100 });
        await write({ progress: "3\0", identifiers });
        await source.store.write(username, `key ${username}`, position("only-once.pdf"));
      }
      const lines = await collect(source.store.exportLines());
      expect(lines.map(({ kind }) => kind).toSorted()).toEqual(
        ["alias", "alias", "document", "document", "document", "document", "user", "user"].toSorted(),
      );
      await target.store.importLines(lines);
      await target.store.importLines(lines);
      expect(sortLines(await collect(target.store.exportLines()))).toEqual(sortLines(lines));
      expect(await target.store.history("ann", "C1")).toEqual(await source.store.history("ann", "C1"));
      expect(await listed(target.store, "ann")).toHaveLength(2);
    } finally {
      await Promise.all([source.close(), target.close()]);
    }
  });
});
