/** One Markdown file a book in a folder of notes: our part of it is written anew, and nothing that was told once is lost. */
import { gather, withKnown } from "../core/highlights/gather.ts";
import { formatAnnotations, viewerLink } from "../core/highlights/markdown.ts";
import { nameOfNotes, updateNotes } from "../core/highlights/note-file.ts";
import type { AnnotatedBook } from "../model/library.ts";
import type { NotesFolder } from "./ports.ts";
import { foundIn, type PlacedBook, type PlaceIn } from "./annotations.ts";

/** `removed`: its owner deleted the file. `left`: our two lines in it are not as they were. */
export type NoteOutcome = "made" | "changed" | "unchanged" | "removed" | "left";

export interface Noted {
  readonly title: string;
  readonly outcome: NoteOutcome;
  /** Null for a file that is not there. */
  readonly path: string | null;
}

/** Writes the notes of these books. What was found is remembered before any file is written. */
export async function writeNotes(
  books: readonly AnnotatedBook[],
  place: PlaceIn,
  folder: NotesFolder,
): Promise<Noted[]> {
  const [files, known] = [await folder.find(), new Map(await folder.recall())];
  const gone = new Set([...known].filter(([uuid, { made }]) => made && !files.has(uuid)).map(([uuid]) => uuid));
  for (const book of books) {
    const { uuid } = book;
    const all = withKnown(known.get(uuid)?.annotations ?? [], gather(uuid, foundIn(book)));
    known.set(uuid, { annotations: all, made: files.has(uuid) || gone.has(uuid) });
  }
  await folder.remember(known);
  const noted: Noted[] = [];
  for (const book of books) {
    const { uuid, title } = book;
    const annotations = known.get(uuid)?.annotations ?? [];
    if (gone.has(uuid)) noted.push({ title, outcome: "removed", path: null });
    else noted.push(await writeOne(await place(book, annotations), files.get(uuid) ?? null, folder));
    known.set(uuid, { annotations, made: true });
  }
  await folder.remember(known);
  return noted;
}

async function writeOne(book: PlacedBook, path: string | null, folder: NotesFolder): Promise<Noted> {
  const { title, book_id } = book;
  const told = book.annotations.map(({ annotation, format, place }) => ({
    annotation,
    link: viewerLink(book_id, format, place),
  }));
  const ours = formatAnnotations(told);
  if (path === null) {
    const text = updateNotes(null, book, ours) ?? "";
    return { title, outcome: "made", path: await folder.make(nameOfNotes(book), text) };
  }
  const before = await folder.read(path);
  const after = updateNotes(before, book, ours);
  if (after === null) return { title, outcome: "left", path };
  if (after === before) return { title, outcome: "unchanged", path };
  await folder.write(path, after);
  return { title, outcome: "changed", path };
}
