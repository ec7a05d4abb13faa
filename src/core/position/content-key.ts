import { md5OfText } from "../md5.ts";

/** An entry of an archive as its directory tells it. */
export interface ArchiveEntry {
  readonly name: string;
  readonly crc32: number;
  /** Unpacked size in bytes. */
  readonly size: number;
}

/**
 * What all copies of one text share, as `content_key` in `digest.py` makes it: the MD5 of each spine entry's name,
 * checksum and size, in reading order. Null for a book without text files.
 */
export function contentKey(spine: readonly ArchiveEntry[]): string | null {
  if (spine.length === 0) return null;
  const lines = spine.map(({ name, crc32, size }) => `${name}\0${crc32.toString(16).padStart(8, "0")}\0${size}\n`);
  return md5OfText(lines.join(""));
}
