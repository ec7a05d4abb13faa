/** `koreader-progress annotations`: what was marked in KOReader, as a list or as one file of notes a book. */
import { resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { listAnnotations, placeBook, type PlaceIn } from "../app/annotations.ts";
import { writeNotes, type Noted, type NoteOutcome } from "../app/notes.ts";
import { openBookArchive, openNotesFolder } from "../compose.ts";
import { ExportFormat } from "../model/annotation.ts";
import { inCalibre, openLibrary } from "./calibre.ts";
import { Refused, idsOf, orSentence } from "./sentences.ts";

export const summary =
  "annotations list|write --library DIR --sidecars DIR... [--ids 1,2]    highlights and notes made in KOReader";

export const help = `
  list                     prints them, each with its place in the library's file, or why it has none
  write                    keeps one Markdown file a book; what you write in it around our part stays

  --library DIR            calibre's library; it is left exactly as it is, and may be open in calibre
  --sidecars DIR           a mounted reader, a copy of its card, or a synced folder, again for another one
  --ids 1,2                these books alone
  --format WHICH           with list: md (default), json or csv
  --notes FOLDER           with write: where the files of notes are kept

Nothing is changed on the reader. What was once written into notes stays in them.
Exit code 0, 1 when a file of notes had to be left as it is, 2 when nothing could be done.

Example:
  koreader-progress annotations list --library "$HOME/Calibre Library" --sidecars /media/KOBOeReader --format csv
`;

/** Lists or writes the annotations of the books in a library. */
export function run(args: string[]): Promise<number> {
  return orSentence(async () => {
    const { values, positionals } = parseArgs({
      args,
      options: {
        library: { type: "string" },
        sidecars: { type: "string", multiple: true, default: [] },
        ids: { type: "string" },
        format: { type: "string", default: "md" },
        notes: { type: "string" },
      },
      allowPositionals: true,
    });
    const { library, sidecars, format, notes } = values;
    const [what, ...others] = positionals;
    if ((what !== "list" && what !== "write") || others.length > 0)
      throw new Refused("annotations: say list or write, and nothing else.");
    if (library === undefined) throw new Refused("annotations: --library is needed.");
    if (sidecars.length === 0) throw new Refused("annotations: --sidecars is needed: where a reader keeps its files.");
    if (!isFormat(format)) throw new Refused(`annotations: --format is ${ExportFormat.options.join(", ")}.`);
    if (what === "write" && notes === undefined) throw new Refused("annotations write: --notes FOLDER is needed.");
    const ids = values.ids === undefined ? null : idsOf(values.ids, "annotations");
    const folders = sidecars.map((folder) => resolve(folder));
    return inCalibre(async (calibre, signal) => {
      const book_ids = await openLibrary(calibre, { library, dry_run: true }, signal);
      const found = await calibre.annotations(ids ?? book_ids, folders);
      const place: PlaceIn = (book, annotations) => placeBook(book, annotations, openBookArchive, signal);
      for (const { title, annotations } of found.unmatched)
        process.stderr.write(`Not in this library: ${title} (${annotations})\n`);
      if (found.odd > 0) process.stderr.write(`Files that could not be read: ${found.odd}\n`);
      if (what === "write" && notes !== undefined)
        return tell(await writeNotes(found.books, place, await openNotesFolder(resolve(notes))));
      process.stdout.write(await listAnnotations(found.books, format, place));
      return 0;
    });
  });
}

function isFormat(text: string): text is ExportFormat {
  return ExportFormat.safeParse(text).success;
}

const SAID: Readonly<Record<NoteOutcome, string>> = {
  made: "new",
  changed: "changed",
  unchanged: "nothing new",
  removed: "you removed this file: it is not made again",
  left: "left alone: our two lines in it are not as they were",
};

function tell(noted: readonly Noted[]): number {
  for (const { title, outcome, path } of noted) process.stdout.write(`${path ?? title}: ${SAID[outcome]}\n`);
  return noted.some(({ outcome }) => outcome === "left") ? 1 : 0;
}
