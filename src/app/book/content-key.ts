import {
  type ArchiveEntry,
  contentKey,
  ENOUGH_TEXT,
  isMediaName,
  SEARCHED,
  SEARCHED_OF_EACH,
} from "../../core/position/content-key.ts";
import type { Package } from "../../core/position/package.ts";
import { visibleCharacters } from "../../core/position/visible-text.ts";
import type { BookArchive } from "../ports.ts";

/**
 * The content key of an EPUB from its archive's directory alone, but for books without pictures, whose first pages are
 * read. Null where a document of the spine is missing, and where there is too little to tell one book from another: no
 * picture but the cover, and fewer than 200 visible characters. `content_key.py` decides the same.
 */
export async function keyOfBook(book: Package, archive: BookArchive): Promise<string | null> {
  const spine = book.spine.map(({ name }) => entryOf(archive, name));
  if (!book.isWhole || spine.length === 0 || !spine.every((entry) => entry !== null)) return null;
  const documents = new Set(spine.map(({ name }) => name));
  const shown = new Set([...book.media, ...[...archive.names()].filter(isMediaName)]);
  const media = [...shown]
    .filter((name) => !documents.has(name) && !book.covers.has(name))
    .map((name) => entryOf(archive, name))
    .filter((entry) => entry !== null);
  return media.length > 0 || (await hasEnoughText(spine, archive)) ? contentKey(spine, media) : null;
}

function entryOf(archive: BookArchive, name: string): ArchiveEntry | null {
  const crc32 = archive.crc32(name);
  return crc32 === null ? null : { name, crc32, size: archive.size(name) };
}

async function hasEnoughText(spine: readonly ArchiveEntry[], archive: BookArchive): Promise<boolean> {
  let [found, searched] = [0, 0];
  for (const { name, size } of spine) {
    if (found >= ENOUGH_TEXT || searched > SEARCHED) break;
    searched += size;
    // What cannot be read shows nothing.
    const source = await archive.read(name).catch(() => "");
    found += visibleCharacters(source.slice(0, SEARCHED_OF_EACH), ENOUGH_TEXT - found);
  }
  return found >= ENOUGH_TEXT;
}
