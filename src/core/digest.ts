import type { Digest } from "../model/digest.ts";
import { md5OfBytes, md5OfText } from "./md5.ts";

const encoder = new TextEncoder();

/** Bytes that KOReader reads at each offset; the last sample of a file may be shorter and is never padded. */
export const SAMPLE_SIZE = 1024;

/**
 * Where KOReader samples a file, in bytes: 1024 shifted left by 2i for i from -1 to 10.
 * The first is 0 and not 256: LuaJIT masks the shift by -2 to its lower five bits, and what is left of 1024 is nothing.
 */
export const SAMPLE_OFFSETS: readonly number[] = [0, ...Array.from({ length: 11 }, (_, i) => SAMPLE_SIZE * 4 ** i)];

/** The byte ranges of a file of `size` bytes that its partial MD5 is made of, in order. */
export function samplesOf(size: number): { offset: number; length: number }[] {
  return SAMPLE_OFFSETS.filter((offset) => offset < size).map((offset) => ({
    offset,
    length: Math.min(SAMPLE_SIZE, size - offset),
  }));
}

/** KOReader's *Binary* digest of a whole file that is already in memory. */
export function partialMd5(file: Uint8Array): Digest {
  const ranges = samplesOf(file.length);
  const joined = new Uint8Array(ranges.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const { offset, length } of ranges) {
    joined.set(file.subarray(offset, offset + length), filled);
    filled += length;
  }
  return md5OfBytes(joined);
}

/**
 * KOReader's *Filename* digest: of the basename with its extension, as UTF-8. calibre names the same bytes in
 * `copies/digest.py`: a lone surrogate from U+DC80 to U+DCFF is a byte of a name that is not UTF-8, any other has three.
 */
export function filenameDigest(basename: string): Digest {
  return basename.isWellFormed()
    ? md5OfText(basename)
    : md5OfBytes(Uint8Array.from(Array.from(basename, bytesOf).flat()));
}

function bytesOf(character: string): number[] {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0xd800 || code > 0xdfff) return [...encoder.encode(character)];
  if (code >= 0xdc80 && code <= 0xdcff) return [code & 0xff];
  return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
}
