import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import * as z from "zod";

const Vector = z.object({ size: z.number(), digest: z.string() });

/** KOReader's own digests of files anyone can make again. */
export const vectors = z
  .object({ offsets: z.array(z.number()), pattern: z.array(Vector), sparse: Vector })
  .parse(JSON.parse(readFileSync(new URL("../fixtures/partial-md5-vectors.json", import.meta.url), "utf8")));

/** The file whose byte i is (i*31 + (i>>8)) mod 256. */
export function patternFile(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) % 256);
}

/** Writes the 1 GiB file of the vectors, which takes a few blocks on disk: zero but for each offset's own number at it. */
export function writeSparseFile(path: string): void {
  const file = openSync(path, "w");
  try {
    ftruncateSync(file, vectors.sparse.size);
    for (const offset of vectors.offsets) writeSync(file, String(offset).padStart(16, "0"), offset);
  } finally {
    closeSync(file);
  }
}
