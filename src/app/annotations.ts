/** A reader's annotations in the books of a library: each once, and where its very words stand in the library's own file. */
import { exportAnnotations } from "../core/highlights/export.ts";
import { gather } from "../core/highlights/gather.ts";
import type { Annotation, AnnotationPlace, ExportFormat, FoundAnnotation } from "../model/annotation.ts";
import { SyncError } from "../model/error.ts";
import type { AnnotatedBook } from "../model/library.ts";
import { placeAnnotation } from "./book/annotations.ts";
import { type BookText, openBookText } from "./book/text.ts";
import type { OpenBookArchive } from "./ports.ts";

/** The formats whose text can be proved; calibre opens the first of them. */
const PROVABLE = ["EPUB", "KEPUB"];

const NOWHERE: AnnotationPlace = { status: "unplaced", reason: "no_text_file" };

/** An annotation, and where it stands in the library. */
export interface Placed {
  readonly annotation: Annotation;
  /** The format in which it stands; null where it stands in none. */
  readonly format: string | null;
  readonly place: AnnotationPlace;
}

/** A book and all that was marked in it. */
export interface PlacedBook extends Pick<AnnotatedBook, "book_id" | "uuid" | "title" | "authors"> {
  readonly annotations: readonly Placed[];
}

/** Places annotations of a book, as `placeBook` does. */
export type PlaceIn = (book: AnnotatedBook, annotations: readonly Annotation[]) => Promise<PlacedBook>;

/** Places annotations of a book; a file that cannot be read places nothing, and another may. */
export async function placeBook(
  { book_id, uuid, title, authors, formats }: AnnotatedBook,
  annotations: readonly Annotation[],
  openArchive: OpenBookArchive,
  signal: AbortSignal,
): Promise<PlacedBook> {
  let placed = annotations.map((annotation): Placed => ({ annotation, format: null, place: NOWHERE }));
  for (const name of PROVABLE) {
    const file = formats.find(({ format }) => format === name);
    if (file === undefined || !placed.some(isUnplaced)) continue;
    const text = await openOrNull(file.path, openArchive);
    if (text === null) continue;
    try {
      placed = await placeIn(text, name, placed, signal);
    } finally {
      await text.close();
    }
  }
  return { book_id, uuid, title, authors, annotations: placed };
}

function isUnplaced({ place }: Placed): boolean {
  return place.status === "unplaced";
}

async function placeIn(
  text: BookText,
  format: string,
  placed: readonly Placed[],
  signal: AbortSignal,
): Promise<Placed[]> {
  const all: Placed[] = [];
  for (const each of placed) {
    signal.throwIfAborted();
    const place = isUnplaced(each) ? await placeAnnotation(text, each.annotation) : null;
    if (place === null) all.push(each);
    else all.push({ annotation: each.annotation, place, format: place.status === "unplaced" ? null : format });
  }
  return all;
}

async function openOrNull(path: string, openArchive: OpenBookArchive): Promise<BookText | null> {
  try {
    return await openBookText(path, openArchive);
  } catch (error) {
    if (error instanceof SyncError && error.kind === "BookUnreadable") return null;
    throw error;
  }
}

/** Everything that was found in a book's files. */
export function foundIn({ files }: AnnotatedBook): FoundAnnotation[] {
  return files.flatMap(({ annotations }) => annotations);
}

/** All annotations of these books, with their places, in the words of other programs. */
export async function listAnnotations(
  books: readonly AnnotatedBook[],
  format: ExportFormat,
  place: PlaceIn,
): Promise<string> {
  const placed: PlacedBook[] = [];
  for (const book of books) placed.push(await place(book, gather(book.uuid, foundIn(book))));
  return exportAnnotations(placed, format);
}
