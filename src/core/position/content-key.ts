import { md5OfText } from "../md5.ts";

/** An entry of an archive as its directory tells it. */
export interface ArchiveEntry {
  readonly name: string;
  readonly crc32: number;
  /** Unpacked size in bytes. */
  readonly size: number;
}

/** Pages with fewer visible characters than this in a whole book, and no picture, cannot be told apart. */
export const ENOUGH_TEXT = 200;
/** So much of the pages' source is read to find them, in bytes; whoever has not shown them by then is refused. */
export const SEARCHED = 4 * 1024 * 1024;
export const SEARCHED_OF_EACH = 1024 * 1024;

const MEDIA_NAME = /\.(?:jpe?g|png|gif|webp|svg|bmp|tiff?|avif|jxl|mp3|m4a|aac|ogg|oga|opus|wav|mp4|m4v|webm|ogv)$/i;
/** Where calibre puts a cover that a book has not. */
const ADDED_COVER = /(?:^|\/)cover\.jpg$/i;

/** Whether a file is an image, audio or video by its name: who leaves it out of the manifest may show it all the same. */
export function isMediaName(name: string): boolean {
  return MEDIA_NAME.test(name) && !ADDED_COVER.test(name);
}

/**
 * What all copies of one text share, as `content_key.py` makes it: the MD5 of the name, checksum and size of each spine
 * document in reading order, an empty line, and of each image, audio and video in the order of their names.
 */
export function contentKey(spine: readonly ArchiveEntry[], media: readonly ArchiveEntry[]): string {
  const sorted = media.toSorted((one, other) => byCodePoints(one.name, other.name));
  return `2:${md5OfText([...spine.map(line), "\n", ...sorted.map(line)].join(""))}`;
}

/**
 * Whether two keys say that two copies are one text. A key without a version, of a book before pictures counted, says
 * that of no two: volumes of a comic shared them.
 */
export function isSameText(one: string | null, other: string | null): boolean {
  return one !== null && one === other && isVersioned(one);
}

/** Whether a key knows pictures. */
export function isVersioned(key: string): boolean {
  return key.startsWith("2:");
}

function line({ name, crc32, size }: ArchiveEntry): string {
  return `${name}\0${crc32.toString(16).padStart(8, "0")}\0${size}\n`;
}

/** As Python sorts: characters beyond the basic plane come last, not before U+E000 as their halves would. */
function byCodePoints(one: string, other: string): number {
  for (let at = 0; ; at += 1) {
    const [a, b] = [one.codePointAt(at), other.codePointAt(at)];
    if (a !== b) return (a ?? -1) - (b ?? -1);
    if (a === undefined) return 0;
  }
}
