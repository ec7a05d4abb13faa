import type { CfiStep } from "../../core/position/cfi.ts";
import type { SpineTrees } from "../../core/position/convert.ts";
import { fictionBookTree, htmlTree } from "../../core/position/documents.ts";
import { type Package, type SpineItem, readContainer, readPackage, viewerSpine } from "../../core/position/package.ts";
import { fileAtPath } from "../../core/position/package-path.ts";
import { isProtected } from "../../core/position/protection.ts";
import { weightOf } from "../../core/position/share.ts";
import { keyOfBook } from "./content-key.ts";
import { Fragments, type Refused } from "./fragments.ts";
import { type TocEntry, readNav, readNcx } from "../../core/position/toc.ts";
import { type Tree, TreeRefused } from "../../core/position/tree.ts";
import { SyncError } from "../../model/error.ts";
import type { BookArchive, OpenBookArchive } from "../ports.ts";

/** How positions are told in a file: by the files of an EPUB, in one document, by pages, or not at all. */
export type BookKind = "epub" | "document" | "pages" | "other";

/** What describes a book is no larger, in bytes; `package_document.py` has the same limits. */
const LARGEST_CONTAINER = 1024 * 1024;
const LARGEST_PACKAGE = 16 * 1024 * 1024;

/** A book file opened for its text; files are read and understood when first asked for. */
export interface BookText {
  readonly path: string;
  readonly kind: BookKind;
  /** Protected by DRM: nothing but percentages can be told. */
  readonly isProtected: boolean;
  /** crengine's fragments: the spine, in document order. One without a name for a single document. */
  readonly spine: readonly SpineItem[];
  /** Fragments as KOReader counted them before 2024: XHTML only. Indices into `spine`. */
  readonly oldFragments: readonly number[];
  /** calibre's viewer's spine: names. Empty where the viewer shows a conversion. */
  readonly viewer: readonly string[];
  /** The file, by its index in `spine`, that a standard CFI names by its path through the package; null for none. */
  fileAt(path: readonly CfiStep[]): number | null;
  /** Pages, where the file tells; null elsewhere. */
  readonly pages: number | null;
  /** What all copies of this text share, whatever their metadata; null for what has none. See `keyOfBook`. */
  contentKey(): Promise<string | null>;
  trees(index: number): Promise<SpineTrees | Refused>;
  /** Characters of every fragment. `exact` reads the whole book once, otherwise file sizes stand in. */
  weights(exact: boolean): Promise<readonly number[]>;
  toc(): Promise<readonly TocEntry[]>;
  close(): Promise<void>;
}

const PAGED = /\.(?:pdf|djvu?|cbz|cbr|cbt|cb7|xps)$/i;
const IMAGE = /\.(?:jpe?g|png|gif|webp|bmp|tiff?|avif|jxl)$/i;

async function readToc({ nav, ncx }: Package, archive: BookArchive): Promise<TocEntry[]> {
  for (const [name, read] of [
    [nav, readNav],
    [ncx, readNcx],
  ] as const) {
    if (name === null || !archive.has(name)) continue;
    const entries = read(await archive.read(name), name);
    if (entries.length > 0) return entries;
  }
  return [];
}

function tooLarge({ path }: BookArchive): SyncError {
  return new SyncError("BookUnreadable", { path, reason: "entry_too_large" });
}

async function openEpub(archive: BookArchive): Promise<BookText> {
  const container = "META-INF/container.xml";
  if (archive.size(container) > LARGEST_CONTAINER) throw tooLarge(archive);
  const named = archive.has(container)
    ? readContainer(await archive.read(container), (name) => archive.has(name))
    : null;
  const opf = named ?? [...archive.names()].find((name) => /\.opf$/i.test(name));
  if (opf === undefined) throw new SyncError("BookUnreadable", { path: archive.path, reason: "no_package" });
  if (archive.size(opf) > LARGEST_PACKAGE) throw tooLarge(archive);
  const book = readPackage(await archive.read(opf), opf);
  if (book.spine.length === 0) throw new SyncError("BookUnreadable", { path: archive.path, reason: "empty_spine" });
  const encryption = "META-INF/encryption.xml";
  const locked = archive.has(encryption) && isProtected(await archive.read(encryption));
  const fragments = new Fragments(archive);
  let exact: number[] | null = null;
  let toc: Promise<readonly TocEntry[]> | null = null;
  let key: Promise<string | null> | null = null;
  async function trees(index: number): Promise<SpineTrees | Refused> {
    const item = book.spine[index];
    return item === undefined ? { refused: "no_fragment" } : fragments.trees(item);
  }
  return {
    path: archive.path,
    kind: "epub",
    isProtected: locked,
    spine: book.spine,
    oldFragments: [...book.spine.entries()]
      .filter(([, { mediaType, name }]) => mediaType === "application/xhtml+xml" && archive.has(name))
      .map(([index]) => index),
    viewer: viewerSpine(book, (name) => archive.has(name)),
    fileAt: (path) => fileAtPath(book, path),
    pages: null,
    contentKey: () => (key ??= named === null ? Promise.resolve(null) : keyOfBook(book, archive)),
    trees,
    async weights(isExact) {
      if (exact !== null) return exact;
      if (!isExact) return book.spine.map(({ name }) => archive.size(name));
      const weights: number[] = [];
      for (const index of book.spine.keys()) {
        const found = await trees(index);
        weights.push("refused" in found ? archive.size(book.spine[index]?.name ?? "") : weightOf(found.crengine));
      }
      exact = weights;
      return weights;
    },
    toc: () => (toc ??= readToc(book, archive).catch(() => [])),
    close: () => archive.close(),
  };
}

function withoutText(archive: BookArchive, kind: BookKind): BookText {
  const images = [...archive.names()].filter((name) => IMAGE.test(name)).length;
  return {
    path: archive.path,
    kind,
    isProtected: false,
    spine: [],
    oldFragments: [],
    viewer: [],
    fileAt: () => null,
    pages: kind === "pages" && images > 0 ? images : null,
    contentKey: async () => null,
    trees: async () => ({ refused: "no_text" }),
    weights: async () => [],
    toc: async () => [],
    close: () => archive.close(),
  };
}

async function openDocument(archive: BookArchive, name: string, read: (source: string) => Tree): Promise<BookText> {
  let trees: SpineTrees | Refused;
  try {
    trees = { crengine: read(await archive.read(name)), calibre: null };
  } catch (error) {
    if (!(error instanceof TreeRefused)) throw error;
    trees = { refused: error.reason };
  }
  return {
    ...withoutText(archive, "document"),
    spine: [{ id: "", name: "", mediaType: "", linear: true }],
    trees: async () => trees,
    weights: async () => ["refused" in trees ? 0 : weightOf(trees.crengine)],
  };
}

/**
 * Opens a book for its positions: EPUB and KEPUB by their spine, FB2 and HTML as one document, PDF, comics and DjVu
 * by pages, everything else by percentages alone. Rejects with `SyncError("BookUnreadable", { path, reason })`.
 */
export async function openBookText(path: string, openArchive: OpenBookArchive): Promise<BookText> {
  const archive = await openArchive(path);
  try {
    const names = [...archive.names()];
    if (PAGED.test(path)) return withoutText(archive, "pages");
    const isArchive = !archive.has("");
    if (isArchive && (archive.has("META-INF/container.xml") || /epub$/i.test(path))) return await openEpub(archive);
    if (/epub$/i.test(path)) throw new SyncError("BookUnreadable", { path, reason: "not_a_zip" });
    const fb2 = /\.fb2$/i.test(path) ? "" : names.find((name) => /\.fb2$/i.test(name));
    if (fb2 !== undefined && archive.has(fb2)) return await openDocument(archive, fb2, fictionBookTree);
    if (/\.x?html?$/i.test(path) && archive.has("")) return await openDocument(archive, "", htmlTree);
    return withoutText(archive, "other");
  } catch (error) {
    await archive.close();
    throw error;
  }
}
