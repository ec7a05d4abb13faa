import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { userkeyOf } from "../../../src/core/md5.ts";
import { formatSession, parseSession } from "../../../src/server/page/session.ts";
import { ago, percentWords, wordsFor } from "../../../src/server/page/words.ts";
import { ask, serve } from "../support/serving.ts";
import type { Answer, Serving } from "../support/serving.ts";

const PASSWORD = "correct horse";
const KEY = userkeyOf(PASSWORD);
const NOW = 1_700_000_000;
/** Where to leave screenshots, for people to look at. */
const SHOTS = process.env["KOREADER_PROGRESS_SCREENSHOTS"];

let serving: Serving;
let port: number;
let now = NOW;
beforeAll(async () => {
  serving = await serve("sqlite", { clock: () => now, basePath: "/books" });
  port = serving.server.port;
});
afterAll(() => serving.close());

async function account(username: string, documents: readonly object[]): Promise<void> {
  const body = JSON.stringify({ username, password: KEY });
  await ask(port, { method: "POST", path: "/books/users/create", body });
  for (const document of documents) {
    now += 60;
    const text = JSON.stringify({ progress: "/body/p[1]", percentage: 0.5, device: "Kobo", ...document });
    await ask(port, {
      method: "PUT",
      path: "/books/syncs/progress",
      headers: { "x-auth-user": username, "x-auth-key": KEY },
      body: text,
    });
  }
}

function post(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
  return ask(port, {
    method: "POST",
    path: `/books${path}`,
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: new URLSearchParams(form).toString(),
  });
}

async function signIn(username: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await post("/page/sign-in", { username, password: PASSWORD }, headers);
  expect(answer.status).toBe(303);
  return answer.headers["set-cookie"] ?? "";
}

const open = (path: string, cookie = ""): Promise<Answer> =>
  ask(port, { method: "GET", path: `/books${path}`, headers: cookie === "" ? {} : { cookie } });

const signedIn = async (cookie: string): Promise<boolean> => (await open("/", cookie)).text.includes("Sign out");

const tokenOf = ({ text }: Answer): string => /name="token" value="([^"]+)"/.exec(text)?.[1] ?? "";

const remove = (cookie: string, token: string): Promise<Answer> => post("/page/delete", { id: "a", token }, { cookie });

const undo = (cookie: string, token: string): Promise<Answer> => post("/page/undo", { token }, { cookie });

describe("the page", () => {
  test("forbids scripts, frames and everything foreign, and is kept by nobody", async () => {
    await account("headers", [{ document: "a" }]);
    const cookie = (await signIn("headers")).split(";")[0] ?? "";
    for (const answer of [await open("/"), await open("/", cookie), await open("/page/document?id=a", cookie)]) {
      expect(answer.status).toBe(200);
      const policy = answer.headers["content-security-policy"] ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("form-action 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|script-src|https?:|\*/);
      expect(answer.headers).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
      expect(answer.text).not.toMatch(/<script|javascript:|\son\w+=|(?:src|href)="(?:https?:)?\/\//i);
    }
  });

  test("gives a cookie that scripts, other sites and other paths do not get", async () => {
    await account("cookie", []);
    const cookie = await signIn("cookie");
    expect(cookie).toMatch(/^kosync_session=[\w.-]+; Path=\/books\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(KEY);
  });

  test("says no more of a wrong password than of an unknown name", async () => {
    await account("known", []);
    const wrong = await post("/page/sign-in", { username: "known", password: "wrong" });
    const unknown = await post("/page/sign-in", { username: "unknown", password: "wrong" });
    expect(wrong.status).toBe(401);
    expect(wrong.headers["set-cookie"]).toBeUndefined();
    expect(unknown.text.replace('value="unknown"', 'value="known"')).toBe(wrong.text);
    // What was typed is not typed again, but for the password.
    expect(wrong.text).toContain('value="known"');
    expect(wrong.text).not.toContain('value="wrong');
  });

  test("shows text of readers and devices as text", async () => {
    const evil = `<script>alert(1)</script>"'&`;
    await account("evil", [{ document: evil, device: evil, progress: evil, metadata: { title: evil, authors: evil } }]);
    const cookie = await signIn("evil");
    const list = await open("/", cookie);
    const one = await open(`/page/document?id=${encodeURIComponent(evil)}`, cookie);
    for (const { text } of [list, one]) {
      expect(text).not.toContain("<script>");
      expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;");
    }
  });

  test("shows nobody else's documents", async () => {
    await account("mine", [{ document: "secret-of-mine", metadata: { title: "Secret" } }]);
    await account("other", [{ document: "b" }]);
    const cookie = await signIn("other");
    expect((await open("/", cookie)).text).not.toContain("Secret");
    expect((await open("/page/document?id=secret-of-mine", cookie)).status).toBe(404);
    const token = tokenOf(await open("/", cookie));
    await post("/page/delete", { id: "secret-of-mine", token }, { cookie });
    expect((await open("/", await signIn("mine"))).text).toContain("Secret");
  });

  test("changes nothing without the form's token, or when the form comes from elsewhere", async () => {
    await account("target", [{ document: "a" }]);
    const cookie = await signIn("target");
    const token = tokenOf(await open("/", cookie));
    const other = tokenOf(await open("/", await signIn("target")));
    expect(token).not.toBe("");
    const attempts = [
      await post("/page/delete", { id: "a" }, { cookie }),
      await post("/page/delete", { id: "a", token: other }, { cookie }),
      await post("/page/delete", { id: "a", token }, { cookie, "sec-fetch-site": "cross-site" }),
      await post("/page/delete", { id: "a", token }, { cookie, origin: "http://evil.example" }),
      await post("/page/delete", { id: "a", token }, { cookie, origin: "null" }),
      await post("/page/sign-out", {}, { cookie }),
      await post("/page/sign-in", { username: "target", password: PASSWORD }, { origin: "http://evil.example" }),
    ];
    expect(attempts.map(({ status }) => status)).toEqual(attempts.map(() => 403));
    expect(attempts.map(({ headers }) => headers["set-cookie"])).toEqual(attempts.map(() => undefined));
    expect((await open("/page/document?id=a", cookie)).status).toBe(200);
    const right = await post(
      "/page/delete",
      { id: "a", token },
      { cookie, origin: "http://test", "sec-fetch-site": "same-origin" },
    );
    expect(right.status).toBe(303);
    expect((await open("/page/document?id=a", cookie)).status).toBe(404);
  });

  test.each(["known:document", "known:document:a", "a:b:key", ":", "x".repeat(3000)])(
    "says of the name %s no more than of a wrong password, and a cookie of that name is nobody's",
    async (username) => {
      const answer = await post("/page/sign-in", { username, password: "wrong" });
      expect(answer.status).toBe(401);
      const cookie = `kosync_session=${Buffer.from(username).toString("base64url")}.9999999999.a.b`;
      expect((await open("/", cookie)).text).toContain("Sign in");
    },
  );

  test("signs nobody in with a cookie that has ended, was touched, or whose password was changed since", async () => {
    await account("expiring", [{ document: "a" }]);
    const cookie = (await signIn("expiring")).split(";")[0] ?? "";
    expect(await signedIn(cookie)).toBe(true);
    expect(await signedIn(`${cookie}x`)).toBe(false);
    expect(await signedIn(cookie.replace(/=[^.]+/, `=${Buffer.from("mine").toString("base64url")}`))).toBe(false);
    now += 12 * 3600;
    expect(await signedIn(cookie)).toBe(false);
    now = NOW + 10_000;
    expect(await signedIn(cookie)).toBe(true);
    const headers = { "x-auth-user": "expiring", "x-auth-key": KEY };
    await ask(port, { method: "PUT", path: "/books/users/password", headers, body: '{"password":"new"}' });
    expect(await signedIn(cookie)).toBe(false);
  });

  test("a cookie that was signed out is nobody's, on any server and for ever; other sign-ins stay", async () => {
    await account("leaving", []);
    const [here, there] = [await signIn("leaving"), await signIn("leaving")].map((text) => text.split(";")[0] ?? "");
    const token = tokenOf(await open("/", here));
    expect((await post("/page/sign-out", { token }, { cookie: here ?? "" })).status).toBe(303);
    expect([await signedIn(here ?? ""), await signedIn(there ?? "")]).toEqual([false, true]);
  });

  test("a session is read back only with its own secret and credential", () => {
    const cookie = formatSession("secret", "credential", "Zoë.x", NOW, "id");
    expect(parseSession("secret", "credential", cookie, NOW)).toMatchObject({ username: "Zoë.x", id: "id" });
    expect(parseSession("other", "credential", cookie, NOW)).toBeNull();
    expect(parseSession("secret", "other", cookie, NOW)).toBeNull();
    expect(parseSession("secret", "credential", "", NOW)).toBeNull();
  });
});

describe("what was deleted", () => {
  test("can be put back for a while as it was, with its history", async () => {
    await account("regret", [
      { document: "a", percentage: 0.1, metadata: { title: "Emma" } },
      { document: "a", percentage: 0.2 },
    ]);
    const cookie = await signIn("regret");
    const before = (await open("/page/document?id=a", cookie)).text;
    const token = tokenOf(await open("/", cookie));
    await remove(cookie, token);
    expect((await open("/", cookie)).text).toContain("“Emma” was deleted.");
    expect(await undo(cookie, token)).toMatchObject({ status: 303 });
    expect((await open("/page/document?id=a", cookie)).text).toBe(before);
    expect((await open("/", cookie)).text).not.toContain("was deleted");
    await remove(cookie, token);
    now += 601;
    expect((await open("/", cookie)).text).not.toContain("was deleted");
    await undo(cookie, token);
    expect((await open("/page/document?id=a", cookie)).status).toBe(404);
  });

  test("comes back over nothing that a device has pushed since, and for nobody else", async () => {
    await account("pushing", [{ document: "a", percentage: 0.1 }]);
    const [cookie, other] = [await signIn("pushing"), await signIn("pushing")];
    const token = tokenOf(await open("/", cookie));
    await remove(cookie, token);
    await undo(other, tokenOf(await open("/", other)));
    expect((await open("/page/document?id=a", cookie)).status).toBe(404);
    expect((await undo(cookie, tokenOf(await open("/", other)))).status).toBe(403);
    await account("pushing", [{ document: "a", percentage: 0.7 }]);
    await undo(cookie, token);
    const { text } = await open("/page/document?id=a", cookie);
    expect(text).toContain("70 %");
    expect(text).not.toContain("10 %");
  });
});

describe("words", () => {
  test.each([
    ["de-AT,de;q=0.9,en;q=0.8", "de"],
    ["en-US,en;q=0.9,de;q=0.8", "en"],
    ["fr,de;q=0.5", "de"],
    ["de;q=0", "en"],
    ["fr", "en"],
    ["en;q=0.1, de;q=x", "en"],
    [undefined, "en"],
  ])("of a browser that asks for %s are %s", (asked, lang) => expect(wordsFor(asked).lang).toBe(lang));

  test("a page is in the language of the browser", async () => {
    const { text } = await ask(port, { method: "GET", path: "/books/", headers: { "accept-language": "de" } });
    expect(text).toContain('lang="de"');
    expect(text).toContain("Passwort");
  });

  test.each([
    [0, "0 %"],
    [0.001, "1 %"],
    [0.35, "35 %"],
    [0.4321, "43 %"],
    [0.999, "99 %"],
    [1, "100 %"],
  ])("a share of %d is %s", (share, words) => expect(percentWords(share)).toBe(words));

  test.each([
    [0, "now", "jetzt"],
    [59, "now", "jetzt"],
    [60, "1 minute ago", "vor 1 Minute"],
    [2 * 3600, "2 hours ago", "vor 2 Stunden"],
    [86_400, "yesterday", "gestern"],
    [40 * 86_400, "last month", "letzten Monat"],
    [-5, "now", "jetzt"],
  ])("what was %d seconds ago was %s", (seconds, english, german) => {
    expect([ago(NOW - seconds, NOW, wordsFor("en")), ago(NOW - seconds, NOW, wordsFor("de"))]).toEqual([
      english,
      german,
    ]);
  });
});

describe("in Chromium", () => {
  let browser: Browser;
  let page: Page;
  let folder: string;
  let complaints: string[];
  beforeAll(async () => {
    folder = SHOTS ?? mkdtempSync(join(tmpdir(), "kosync-page-"));
    mkdirSync(folder, { recursive: true });
    browser = await chromium.launch({
      executablePath: process.env["KOREADER_PROGRESS_CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox"],
    });
    const titles = ["The Hobbit", "Válka s mloky", "吾輩は猫である", `<b>"Quotes" & tags</b>`];
    const books = titles.map((title, index) => ({
      document: `${index}`.repeat(32),
      percentage: index / 4,
      device: index === 0 ? "Kindle Paperwhite" : "Kobo Libra 2",
      metadata: { title, authors: "An Author" },
    }));
    await account("Zoë", [
      ...books,
      { document: "0b229176d4e8db7f6d2b5a4952368d7a", percentage: 1 },
      { document: "0".repeat(32), percentage: 0.4321, metadata: { title: "The Hobbit" }, device: "Kindle Paperwhite" },
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    if (SHOTS === undefined) rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    complaints = [];
  });

  async function visit(options: { javaScriptEnabled?: boolean; width?: number; dark?: boolean } = {}): Promise<void> {
    const context = await browser.newContext({
      javaScriptEnabled: options.javaScriptEnabled ?? true,
      viewport: { width: options.width ?? 1000, height: 800 },
      colorScheme: options.dark ? "dark" : "light",
    });
    page = await context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(serving.server.url) && !request.url().startsWith("data:"))
        complaints.push(request.url());
    });
    await page.goto(`${serving.server.url}/`);
  }

  async function signInByHand(): Promise<void> {
    await page.getByLabel("Username").fill("Zoë");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("table").waitFor();
  }

  test.each([
    ["with scripts", true],
    ["without scripts", false],
  ])("a reader %s signs in, looks a book up, deletes one and signs out", async (_how, javaScriptEnabled) => {
    await account("Zoë", [{ document: "to-delete", metadata: { title: "To be deleted" } }]);
    await visit({ javaScriptEnabled });
    await page.screenshot({ caret: "initial", path: join(folder, "sign-in.png") });
    await page.getByLabel("Username").fill("Zoë");
    await page.getByLabel("Password").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await page.screenshot({ caret: "initial", path: join(folder, "sign-in-failed.png") });
    expect(await page.title()).toContain("failed");
    complaints = complaints.filter((text) => !text.includes("401"));
    await signInByHand();
    await page.screenshot({ caret: "initial", path: join(folder, "documents.png"), fullPage: true });
    const rows = await page.getByRole("row").allInnerTexts();
    expect(rows[1]).toMatch(/To be deleted/);
    expect(rows.join("\n")).toContain(`<b>"Quotes" & tags</b>`);
    expect(rows.find((row) => row.includes("Hobbit"))).toMatch(/43 %.*Kindle Paperwhite.*(?:ago|now)/s);
    await page.getByRole("link", { name: "The Hobbit" }).click();
    await page.getByRole("heading", { name: "The Hobbit" }).waitFor();
    expect(await page.getByRole("row").count()).toBe(3);
    await page.screenshot({ caret: "initial", path: join(folder, "document.png"), fullPage: true });
    await page.getByRole("link", { name: "All documents" }).click();
    await page.getByRole("link", { name: "To be deleted" }).click();
    await page.getByRole("link", { name: "Delete this document…" }).click();
    await page.getByRole("heading", { name: "Delete “To be deleted”?" }).waitFor();
    await page.getByRole("link", { name: "Keep it" }).click();
    await page.getByRole("link", { name: "Delete this document…" }).click();
    await page.screenshot({ caret: "initial", path: join(folder, "delete.png") });
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("status").waitFor();
    expect(await page.getByRole("link", { name: "To be deleted" }).count()).toBe(0);
    await page.screenshot({ caret: "initial", path: join(folder, "deleted.png") });
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByRole("heading", { name: "To be deleted" }).waitFor();
    await page.getByRole("link", { name: "Delete this document…" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("status").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Password").waitFor();
    await page.goto(`${serving.server.url}/`);
    expect(await page.getByRole("table").count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("everything can be reached with the keyboard, and each control has a name", async () => {
    await visit();
    await signInByHand();
    const names = await page
      .locator("a, button, input:not([type=hidden])")
      .evaluateAll((elements) =>
        elements.map((element) => (element.textContent || element.getAttribute("aria-label")) ?? ""),
      );
    expect(names.filter((name) => name.trim() === "")).toEqual([]);
    const reached: string[] = [];
    for (let step = 0; step < names.length; step++) {
      await page.keyboard.press("Tab");
      reached.push(String(await page.evaluate("document.activeElement.textContent")));
    }
    expect(reached).toEqual(names);
    expect(await page.locator("html").getAttribute("lang")).toBe("en");
    expect(await page.getByRole("columnheader").count()).toBe(4);
    expect(await page.getByRole("heading", { level: 1 }).count()).toBe(1);
    await page.context().close();
  });

  test.each([
    ["a phone", { width: 360 }, "phone.png"],
    ["the dark", { dark: true }, "dark.png"],
  ])("on %s nothing runs out of the window", async (_where, options, name) => {
    await visit(options);
    await signInByHand();
    await page.screenshot({ caret: "initial", path: join(folder, name), fullPage: true });
    const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    expect(await page.evaluate(overflow)).toBe(0);
    await page.getByRole("link", { name: "The Hobbit" }).click();
    await page.getByRole("heading", { name: "The Hobbit" }).waitFor();
    expect(await page.evaluate(overflow)).toBe(0);
    await page.screenshot({ caret: "initial", path: join(folder, `document-${name}`), fullPage: true });
    await page.context().close();
  });
});
