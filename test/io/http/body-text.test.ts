import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { bodyText } from "../../../src/io/http/body-text.ts";

const TEXT = '{"percentage":0.5,"device":"Bücherwurm"}';
const bytes = Buffer.from(TEXT);

test.each([
  ["none", null, bytes],
  ["identity", "identity", bytes],
  ["gzip", "gzip", gzipSync(bytes)],
  ["its old name, in capitals", "X-GZIP", gzipSync(bytes)],
  ["deflate", "deflate", deflateSync(bytes)],
  ["deflate without a header", "deflate", deflateRawSync(bytes)],
  ["brotli", "br", brotliCompressSync(bytes)],
  ["two, one over the other", "gzip, br", brotliCompressSync(gzipSync(bytes))],
])("a body packed by %s is read", async (_name, encoding, packed) => {
  expect(await bodyText(packed, encoding, 1000)).toBe(TEXT);
});

test("a body that was cut off, or is none, fails by a code of zlib's", async () => {
  await expect(bodyText(gzipSync(bytes).subarray(0, 20), "gzip", 1000)).rejects.toMatchObject({ code: "Z_BUF_ERROR" });
  await expect(bodyText(bytes, "gzip", 1000)).rejects.toMatchObject({ code: "Z_DATA_ERROR" });
});

test("a small body that unpacks to more than the limit is refused before it does", async () => {
  const bomb = gzipSync(Buffer.alloc(1_000_000));
  await expect(bodyText(bomb, "gzip", 10_000)).rejects.toMatchObject({ code: "ERR_BUFFER_TOO_LARGE" });
});

test("nothing stays nothing, whatever it is said to be packed by", async () => {
  expect(await bodyText(Buffer.alloc(0), "gzip", 1000)).toBe("");
});
