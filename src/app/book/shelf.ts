/** The files of one book in the library, opened when first needed: which of them holds the text of a document? */
import { SyncError } from "../../model/error.ts";
import { EPUB_FORMATS, type KnownDigest } from "../../model/digest.ts";
import type { Book, BookFormat } from "../../model/plan.ts";
import { isSameText, isVersioned } from "../../core/position/content-key.ts";
import { type BookText, openBookText } from "./text.ts";
import { digestOf, type DigestPorts } from "../digest-library.ts";
import type { OpenBookArchive } from "../ports.ts";
import { resolvePosition } from "./resolve.ts";

export interface ShelfPorts extends DigestPorts {
  readonly openArchive: OpenBookArchive;
}

/** One file of a book, understood. */
export interface Volume {
  readonly format: BookFormat;
  readonly text: BookText;
}

/** A copy that a server's document names, as far as anything is known of it. */
export type Copy = Pick<KnownDigest, "digest" | "kind" | "format" | "content_key">;

/** A book's files by what they hold. Close it when done. */
export class Shelf {
  readonly #book: Pick<Book, "formats">;
  readonly #ports: ShelfPorts;
  readonly #signal: AbortSignal;
  readonly #volumes = new Map<string, Promise<Volume | null>>();

  constructor(book: Pick<Book, "formats">, ports: ShelfPorts, signal: AbortSignal) {
    this.#book = book;
    this.#ports = ports;
    this.#signal = signal;
  }

  /** The file of one format; null where there is none or it cannot be read. */
  volume(name: string): Promise<Volume | null> {
    let known = this.#volumes.get(name);
    if (known === undefined) {
      const format = this.#book.formats.find((each) => each.format === name);
      known = format === undefined ? Promise.resolve(null) : this.#open(format);
      this.#volumes.set(name, known);
    }
    return known;
  }

  /**
   * The file with the text of a copy: the same bytes, or the same content key. A copy of which no such key is known may be
   * the only file of its format, but only when `progress`, the reader's own place in it, is found there exactly.
   * Null when no file is known to hold that text: then nothing but a percentage can be told.
   */
  async volumeOf(copy: Copy, progress: string | null): Promise<Volume | null> {
    const { files, cache } = this.#ports;
    for (const format of this.#book.formats) {
      const digest = copy.kind === "filename" ? null : await digestOf(format, files, cache, this.#signal);
      if (digest !== null && digest === copy.digest) return this.volume(format.format);
    }
    if (copy.content_key !== null && isVersioned(copy.content_key)) {
      for (const { format } of this.#book.formats) {
        const volume = EPUB_FORMATS.includes(format) ? await this.volume(format) : null;
        if (volume !== null && isSameText(await volume.text.contentKey(), copy.content_key)) return volume;
      }
      return null;
    }
    const alike = this.#book.formats.filter(({ format }) => copy.format === null || format === copy.format);
    const [only] = alike;
    const volume = alike.length === 1 && only !== undefined ? await this.volume(only.format) : null;
    return volume !== null && progress !== null && (await holds(volume.text, progress)) ? volume : null;
  }

  async close(): Promise<void> {
    for (const opening of this.#volumes.values()) await (await opening)?.text.close();
  }

  async #open(format: BookFormat): Promise<Volume | null> {
    try {
      return { format, text: await openBookText(format.path, this.#ports.openArchive) };
    } catch (error) {
      // A broken file has no places; the book's others may.
      if (error instanceof SyncError && error.kind === "BookUnreadable") return null;
      throw error;
    }
  }
}

/** Whether a pointer names a place of this very text, down to its last step. */
async function holds(text: BookText, progress: string): Promise<boolean> {
  const resolved = await resolvePosition(text, progress);
  return (
    resolved.kind === "page" || (resolved.kind === "place" && resolved.from === "xpointer" && resolved.found.exact)
  );
}
