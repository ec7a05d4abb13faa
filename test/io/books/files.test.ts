import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { digestBooks } from "../../../src/app/digest-books.ts";
import { partialMd5 } from "../../../src/core/digest.ts";
import { md5OfText } from "../../../src/core/md5.ts";
import { createBookFiles } from "../../../src/io/books/files.ts";
import { patternFile, vectors, writeSparseFile } from "../../support/digest-vectors.ts";

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-digests-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe("digests of files", () => {
  test.each(vectors.pattern)("a patterned file of $size bytes", async ({ size, digest }) => {
    const path = write(`pattern-${size}.bin`, patternFile(size));
    expect(await createBookFiles().digest(path)).toEqual({
      path,
      size,
      partial_md5: digest,
      filename: md5OfText(`pattern-${size}.bin`),
    });
  });

  test("a sparse file past 1 GiB, where the twelfth sample lies", async () => {
    const path = join(folder, "sparse.bin");
    writeSparseFile(path);
    expect(statSync(path).blocks * 512).toBeLessThan(1024 * 1024);
    expect(await createBookFiles().digest(path)).toMatchObject({
      size: vectors.sparse.size,
      partial_md5: vectors.sparse.digest,
    });
  });

  test("OpenSSL on the file and plain JavaScript in memory agree on random files of every length", async () => {
    const files = createBookFiles();
    for (let i = 0; i < 200; i += 1) {
      const bytes = randomBytes(Math.floor(2 ** (Math.random() * 21)) - 1);
      const found = await files.digest(write("random.bin", bytes));
      expect(found.partial_md5).toBe(partialMd5(bytes));
    }
  });

  test("a name outside ASCII is hashed as UTF-8", async () => {
    const path = write("Ångström – 本.epub", new Uint8Array(3));
    expect((await createBookFiles().digest(path)).filename).toBe(md5OfText("Ångström – 本.epub"));
  });
});

describe("what cannot be read", () => {
  test("each says why, and the readable ones are digested all the same", async () => {
    const good = write("good.epub", patternFile(500));
    const missing = join(folder, "missing.epub");
    const directory = join(folder, "folder.epub");
    mkdirSync(directory);
    const pipe = join(folder, "pipe.epub");
    execFileSync("mkfifo", [pipe]);
    expect(await digestBooks([missing, directory, pipe, good], createBookFiles())).toEqual([
      { path: missing, error: "ENOENT" },
      { path: directory, error: "ENOTFILE" },
      { path: pipe, error: "ENOTFILE" },
      expect.objectContaining({ path: good, partial_md5: "21f0df72cce9bc7da8dae2512ee5feed" }),
    ]);
  });

  test.skipIf(process.getuid?.() === 0)("a forbidden file says so", async () => {
    const path = write("forbidden.epub", patternFile(10));
    chmodSync(path, 0);
    expect(await digestBooks([path], createBookFiles())).toEqual([{ path, error: "EACCES" }]);
  });
});

describe("many files", () => {
  test("other work gets its turn, and a cancel during the run is heard", async () => {
    const path = write("many.bin", patternFile(200_000));
    const cancel = new AbortController();
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
      if (turns === 3) cancel.abort();
    }, 1);
    const endless = Array.from({ length: 1_000_000 }, () => path);
    let done = 0;
    const run = digestBooks(endless, createBookFiles(), {
      signal: cancel.signal,
      onProgress: (count) => (done = count),
    });
    await expect(run).rejects.toMatchObject({ kind: "Cancelled", code: 1002 });
    clearInterval(timer);
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(endless.length);
  });

  test("where OpenSSL refuses MD5, the plain one takes over", () => {
    const path = write("fips.bin", patternFile(1_050_000));
    const script = `
      import { createHash, setFips } from "node:crypto";
      import { createBookFiles } from ${JSON.stringify(new URL("../../../src/io/books/files.ts", import.meta.url).href)};
      // In a process of its own: it holds for the whole process, and cannot be taken back.
      setFips(true);
      let refused = false;
      try { createHash("md5"); } catch { refused = true; }
      const { partial_md5 } = await createBookFiles().digest(${JSON.stringify(path)});
      console.log(JSON.stringify({ refused, partial_md5 }));`;
    const run = spawnSync(process.execPath, ["--input-type=module-typescript", "--eval", script], {
      encoding: "utf8",
      timeout: 30_000,
    });
    expect(run.stderr).toBe("");
    expect(JSON.parse(run.stdout)).toEqual({ refused: true, partial_md5: "0fca5c751677ecbc2dcfe80ea75ace32" });
  });
});
