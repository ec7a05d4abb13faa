/** Brings a reader's annotations into calibre's own: found, placed, and merged with what calibre holds. */
import { takeUp } from "../core/highlights/known.ts";
import { mergeAnnotations } from "../core/highlights/merge.ts";
import type { AnnotatedBook } from "../model/library.ts";
import {
  type AnnotationPlan,
  type AnnotationTarget,
  type Deletions,
  KeptAnnotations,
} from "../model/native-annotation.ts";
import type { PlaceIn } from "./annotations.ts";

export interface Annotating {
  readonly target: AnnotationTarget;
  readonly deletions: Deletions;
  /** Where the readers live, as an IANA name; null for UTC. */
  readonly time_zone: string | null;
}

/** What becomes of these books' annotations; nothing is written. Each is proved against the library's file as it is now. */
export async function planAnnotations(
  books: readonly AnnotatedBook[],
  annotating: Annotating,
  place: PlaceIn,
): Promise<AnnotationPlan[]> {
  const plans: AnnotationPlan[] = [];
  for (const book of books) plans.push(await planBook(book, annotating, place));
  return plans;
}

async function planBook(book: AnnotatedBook, annotating: Annotating, place: PlaceIn): Promise<AnnotationPlan> {
  // What makes no sense is forgotten: then nothing in calibre is changed or removed because of it.
  const kept = KeptAnnotations.safeParse(book.kept).data ?? null;
  const { known, files } = takeUp(book.uuid, annotating.target, kept, book.files);
  const { annotations } = await place(
    book,
    known.map(({ annotation }) => annotation),
  );
  const placed = known.flatMap((one, at) => {
    const found = annotations[at];
    return found === undefined ? [] : [{ ...one, format: found.format, place: found.place }];
  });
  return mergeAnnotations({ ...annotating, book_id: book.book_id, known: placed, files, standing: book.standing });
}
