import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SYNC_ERRORS } from "../../../src/model/error.ts";
import { WHY_DATA } from "../../../src/model/why.ts";
import { T0 } from "../../core/samples.ts";

const SAMPLE: Readonly<Record<string, string | number>> = {
  percentage: 0.42,
  from: 0.61,
  timestamp: T0,
  changed_at: T0 + 60,
  base_timestamp: T0 - 60,
  times: 3,
  books: 7,
  device: "Kobo {Clara}",
  other_id: 12,
};

const MADE_IN = { why_sentence: "reasons", error_sentence: "errors", phase_sentence: "phases" } as const;

/** The sentences, made by a bare python3: the modules need nothing of calibre but what stands in for its translations. */
function say(function_name: keyof typeof MADE_IN, calls: readonly unknown[][]): string[] {
  const script = `import builtins, importlib, json, sys
builtins.load_translations = lambda: None
builtins._ = lambda text: text
builtins.ngettext = lambda one, many, count: one if count == 1 else many
sys.path.insert(0, "calibre_plugin")
made = getattr(importlib.import_module("words.${MADE_IN[function_name]}"), ${JSON.stringify(function_name)})
print(json.dumps([made(*call) for call in json.load(sys.stdin)]))`;
  const run = spawnSync("python3", ["-c", script], { input: JSON.stringify(calls), encoding: "utf8", timeout: 30_000 });
  expect(run.stderr).toBe("");
  return JSON.parse(run.stdout) as string[];
}

const reasons = Object.entries(WHY_DATA).map(([code, names]) => ({
  code,
  data: Object.fromEntries(names.map((name) => [name, SAMPLE[name] ?? `the ${name}`])),
}));

test("every reason has a sentence that uses only its own data", () => {
  const sentences = say(
    "why_sentence",
    reasons.map((reason) => [reason]),
  );
  const wrong = reasons.flatMap(({ code }, index) => {
    const sentence = sentences[index] ?? "";
    // A question mark alone stands for data that the reason does not carry.
    const fine =
      sentence !== code && /^[^{]*[.?!]$/.test(sentence.replaceAll("{Clara}", "")) && !/(^| )\?/.test(sentence);
    return fine ? [] : [{ code, sentence }];
  });
  expect(wrong).toEqual([]);
  expect(new Set(sentences).size).toBe(sentences.length);
});

test("data that is missing or strange never costs a sentence", () => {
  const odd = reasons.flatMap(({ code, data }) => [
    [{ code, data: {} }],
    [{ code, data: Object.fromEntries(Object.keys(data).map((name) => [name, null])) }],
    [{ code, data: Object.fromEntries(Object.keys(data).map((name) => [name, 1e300])) }],
  ]);
  expect(say("why_sentence", odd).filter((sentence) => sentence.length < 5)).toEqual([]);
  expect(say("why_sentence", [[{ code: "of_a_newer_bridge", data: {} }]])).toEqual(["of_a_newer_bridge"]);
});

test("a count is said in the singular and in the plural", () => {
  const counted = [1, 2].map((times) => [{ code: "times_read", data: { times } }]);
  expect(say("why_sentence", counted)).toEqual(["Read 1 time.", "Read 2 times."]);
});

test("every error says what happened, and nothing of a kind we do not know is called the reader's fault", () => {
  const data = {
    url: "http://h/",
    username: "ann",
    path: "/b.epub",
    reason: "ENOENT",
    cause: "refused",
    port: 80,
    content_type: "text/html",
    status: 500,
    found: "https://other/",
  };
  const names = Object.keys(SYNC_ERRORS);
  const sentences = say(
    "error_sentence",
    names.map((name) => [name, data]),
  );
  expect(sentences.filter((sentence) => /[{?]/.test(sentence) || !/[.!:]/.test(sentence))).toEqual([]);
  expect(new Set(sentences).size).toBe(names.length);
  expect(sentences[names.indexOf("BookUnreadable")]).toBe("/b.epub could not be read: it is not there.");
  expect(say("error_sentence", [["Surprise", {}]])[0]).toContain("Surprise");
});

test.each([
  ["ServerUnreachable", "cause", "src/io/http/network-failure.ts", "Cause"],
  ["CertificateRefused", "reason", "src/io/http/certificate.ts", "CertificateReason"],
])("every %s has words for its %s", (name, key, file, type) => {
  const union = new RegExp(`export type ${type} =([^;]+);`).exec(readFileSync(file, "utf8"))?.[1] ?? "";
  const values = [...union.matchAll(/"([a-z_]+)"/g)].map((match) => match[1] ?? "");
  expect(values.length).toBeGreaterThan(5);
  const sentences = say(
    "error_sentence",
    values.map((value) => [name, { url: "http://h/", [key]: value }]),
  );
  expect(new Set(sentences).size).toBe(values.length);
  expect(sentences.filter((sentence) => /_|: other/.test(sentence))).toEqual([]);
});

test("an answer that is empty or cut off is called so, and no failure of HTTP 200", () => {
  const data = { url: "https://books.example", status: 200, message: null, kosync_code: null };
  const [whole = ""] = say("error_sentence", [["ServerRefused", data]]);
  expect(whole).toContain("an answer that is empty or cut off");
  const failure = { document: "d", error: "ServerRefused", status: 200, cause: null };
  const single = say(
    "why_sentence",
    ["answer_failed", "not_reached", "offer_failed"].map((code) => [{ code, data: failure }]),
  );
  for (const sentence of single) expect(sentence).toContain("its answer was empty or cut off");
  expect([whole, ...single].join()).not.toContain("200");
});
