import { assert, nat, property, string, uint8Array } from "fast-check";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { SAMPLE_OFFSETS, filenameDigest, partialMd5, samplesOf } from "../../src/core/digest.ts";
import { md5OfBytes, md5OfText, userkeyOf } from "../../src/core/md5.ts";
import { patternFile, vectors } from "../support/digest-vectors.ts";

const opensslMd5 = (bytes: Uint8Array | string): string => createHash("md5").update(bytes).digest("hex");

describe("partial MD5", () => {
  test("the twelve offsets are KOReader's, the first being 0", () => {
    expect(SAMPLE_OFFSETS).toEqual(vectors.offsets);
  });

  test.each(vectors.pattern)("a patterned file of $size bytes has the digest KOReader gives it", ({ size, digest }) => {
    expect(partialMd5(patternFile(size))).toBe(digest);
  });

  test("sampling stops at the first offset at or past the end", () => {
    expect(samplesOf(0)).toEqual([]);
    expect(samplesOf(1024)).toEqual([{ offset: 0, length: 1024 }]);
    expect(samplesOf(1025)).toEqual([
      { offset: 0, length: 1024 },
      { offset: 1024, length: 1 },
    ]);
    expect(samplesOf(2 ** 31).map(({ offset }) => offset)).toEqual(vectors.offsets);
  });

  test("an empty file has the MD5 of nothing", () => {
    expect(partialMd5(new Uint8Array())).toBe("d41d8cd98f00b204e9800998ecf8427e");
  });

  test("bytes between the samples do not matter, sampled ones do", () => {
    const file = patternFile(10_000);
    const digest = partialMd5(file);
    file[3000] = (file[3000] ?? 0) ^ 1;
    expect(partialMd5(file)).toBe(digest);
    file[4096] = (file[4096] ?? 0) ^ 1;
    expect(partialMd5(file)).not.toBe(digest);
  });
});

describe("MD5 in plain JavaScript", () => {
  test("agrees with OpenSSL on any bytes, also on a view into a larger buffer", () => {
    assert(
      property(uint8Array({ maxLength: 5000 }), nat(40), (bytes, skip) => {
        expect(md5OfBytes(bytes)).toBe(opensslMd5(bytes));
        expect(md5OfBytes(bytes.subarray(skip))).toBe(opensslMd5(bytes.subarray(skip)));
      }),
    );
  });

  test("agrees with OpenSSL on any text", () => {
    assert(
      property(string({ unit: "grapheme" }), (text) => {
        expect(md5OfText(text)).toBe(opensslMd5(text));
      }),
    );
  });

  test("a name with a lone surrogate has a digest instead of an error", () => {
    expect(md5OfText("a\uDCFFb")).toBe(opensslMd5("a\uFFFDb"));
  });

  test("the userkey is the MD5 of the password's UTF-8", () => {
    expect(userkeyOf("password")).toBe("5f4dcc3b5aa765d61d8327deb882cf99");
    expect(userkeyOf("pässwörd")).toBe(opensslMd5(Buffer.from("pässwörd", "utf8")));
  });
});

describe("the filename digest", () => {
  const Vector = z.strictObject({ name: z.string(), bytes: z.string() });
  const names = z.array(Vector).parse(JSON.parse(readFileSync("test/fixtures/filename-digest-vectors.json", "utf8")));

  test.each(names)("of $name is of the bytes that calibre names too: $bytes", ({ name, bytes }) => {
    expect(filenameDigest(name)).toBe(opensslMd5(Buffer.from(bytes, "hex")));
  });
});
