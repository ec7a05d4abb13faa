/** The command line's ways to a server: certificates, headers, proxies, and the public server's share of questions. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { partialMd5 } from "../../src/core/digest.ts";
import { openServerCache } from "../../src/io/sqlite/server-cache.ts";
import { createCertificates, type Certificate } from "../support/certificates.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld, type Ended } from "../support/cli-world.ts";
import { startFront, type Front } from "../support/front.ts";

const PUBLIC = "http://sync.koreader.rocks";

let world: CliWorld;
let own: Certificate;
let secure: Front;

beforeAll(async () => {
  world = await createCliWorld();
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
  const certificates = createCertificates(world.calibre.folder);
  own = certificates.selfSigned("own");
  secure = await startFront(world.server.url, { tls: own });
  await world.client.putProgress({
    document: digestOf(1),
    percentage: 0.37,
    progress: "/body/p.0",
    device: "Kobo",
    device_id: "K",
  });
}, 120_000);

afterAll(async () => {
  await secure?.close();
  await world?.close();
});

const digestOf = (id: number): string => partialMd5(readFileSync(world.libraryFile(id)));

function sync(url: string, ...more: string[]): Promise<Ended> {
  const login = ["--url", url, "--user", USER, "--password-stdin", "--column", "percent=#percent"];
  return world.cli(["sync", "--library", world.library, ...login, ...more], PASSWORD);
}

describe("a server with a certificate of its own", () => {
  test("is refused, and its fingerprint is told", async () => {
    const { status, stderr } = await sync(secure.url);
    expect(status).toBe(2);
    expect(stderr).toContain(`--fingerprint ${own.sha256}`);
  });

  test.each([
    ["its fingerprint", () => ["--fingerprint", own.sha256.toUpperCase().replaceAll(/..(?!$)/g, "$&:")]],
    ["its own certificate as an authority", () => ["--ca-file", own.path]],
    ["no look at it", () => ["--insecure"]],
  ])("is synced with %s", async (_name, options) => {
    expect(await sync(secure.url, "--dry-run", "--json", ...options())).toMatchObject({ status: 0, stderr: "" });
  });
});

test("extra headers go with every request", async () => {
  const front = await startFront(world.server.url);
  const ended = await sync(front.url, "--dry-run", "--header", "X-Pass: let me in", "--header", "X-Other:1");
  await front.close();
  expect(ended.status).toBe(0);
  expect(front.heard.length).toBeGreaterThan(2);
  for (const { headers } of front.heard) expect(headers).toMatchObject({ "x-pass": "let me in", "x-other": "1" });
});

const spentBefore = async (questions: number): Promise<void> => {
  const cache = openServerCache(join(world.calibre.folder, "cache", "koreader_progress"));
  const account = createHash("md5").update(`${PUBLIC}\n${USER}`).digest("hex").slice(0, 16);
  const day = Math.floor(Date.now() / 86_400_000);
  cache.spend(account, day, questions - cache.spent(account, day));
  await cache.close();
};

const reasons = (ended: Ended): string[] =>
  (JSON.parse(ended.stdout) as { plan: { skipped: { reason: { code: string } }[] } }).plan.skipped.map(
    ({ reason }) => reason.code,
  );

describe("the public server, through a proxy", () => {
  test("is asked as far as today's share goes, says how far that was, and goes on with the next sync", async () => {
    // It cannot list, as the real one cannot.
    const front = await startFront(world.server.url, { hides: /documents|api/ });
    const way = ["--proxy", front.url, "--no-predict", "--matching", "binary", "--json"];
    const asked = (): string[] =>
      front.heard.map(({ line }) => line).filter((line) => line.includes("/syncs/progress"));
    await spentBefore(1999);
    const first = await sync(PUBLIC, ...way);
    expect(first.stderr).toBe("Checked 1 of 2 books, continuing with the next sync: today's questions are used up.\n");
    expect(first.status).toBe(0);
    expect(reasons(first)).toContain("allowance_spent");
    expect(asked()).toHaveLength(1);

    // Another day's share is there: what was left over is asked, what answered is asked again.
    await spentBefore(0);
    const second = await sync(PUBLIC, ...way);
    expect(second).toMatchObject({ status: 0, stderr: "" });
    expect(new Set(asked())).toEqual(new Set([1, 2].map((id) => `GET /syncs/progress/${digestOf(id)}`)));

    // Books that are named are asked about whatever was asked today.
    await spentBefore(2000);
    const before = asked().length;
    expect(await sync(PUBLIC, ...way, "--ids", "2")).toMatchObject({ status: 0, stderr: "" });
    expect(asked().slice(before)).toEqual([`GET /syncs/progress/${digestOf(2)}`]);
    await front.close();
  });
});

test("what the server did not know a moment ago is asked again, as by a click in the window", async () => {
  const front = await startFront(world.server.url);
  const asked = (): number => front.heard.filter(({ line }) => line.includes(digestOf(2))).length;
  for (const times of [1, 2]) {
    await sync(front.url, "--no-predict");
    expect(asked()).toBe(times);
  }
  await front.close();
});

describe("an option that cannot be meant so", () => {
  test.each([
    [["--header", "no colon"], 'sync: --header wants "NAME: VALUE".\n'],
    [["--fingerprint", "abc"], "sync: --fingerprint wants the certificate's SHA-256, 64 hexadecimal digits.\n"],
    [["--insecure", "--ca-file", "x"], "sync: --ca-file, --fingerprint and --insecure exclude each other.\n"],
    [["--proxy", "proxy.example"], "sync: --proxy wants an address like http://proxy.example:3128.\n"],
  ])("%j is told in one sentence", async (options, stderr) => {
    expect(await sync(world.server.url, ...options)).toEqual({ status: 2, stdout: "", stderr });
  });
});

test("a calibre that is not there is told in one sentence", async () => {
  const { KOREADER_PROGRESS_CALIBRE: before } = world.calibre.env;
  world.calibre.env["KOREADER_PROGRESS_CALIBRE"] = "/nowhere";
  const ended = await sync(world.server.url);
  if (before === undefined) delete world.calibre.env["KOREADER_PROGRESS_CALIBRE"];
  else world.calibre.env["KOREADER_PROGRESS_CALIBRE"] = before;
  expect(ended).toEqual({
    status: 2,
    stdout: "",
    stderr: "calibre-debug was not found: install calibre 6.0 or newer, or put its command line tools on the PATH.\n",
  });
});
