/** `koreader-progress annotations`: what was marked in KOReader, as a list, in calibre's viewer, or as files of notes. */
import { resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { planAnnotations } from "../app/annotate.ts";
import { listAnnotations, placeBook, type PlaceIn } from "../app/annotations.ts";
import { writeNotes, type Noted, type NoteOutcome } from "../app/notes.ts";
import type { CalibreLibrary } from "../app/ports.ts";
import { openBookArchive, openNotesFolder } from "../compose.ts";
import { ExportFormat } from "../model/annotation.ts";
import { AnnotationTarget, Deletions } from "../model/native-annotation.ts";
import { tellPlans, tellReport } from "./annotation-sentences.ts";
import { inCalibre, openLibrary } from "./calibre.ts";
import { Refused, idsOf, orSentence } from "./sentences.ts";

export const summary =
  "annotations list|sync|undo|write --library DIR [--sidecars DIR...] [--ids 1,2]    highlights and notes made in KOReader";

export const help = `
  list                     prints them, each with its place in the library's file, or why it has none
  sync                     brings them into calibre's own annotations, on exactly their words
  undo [RUN]               takes back what the last such run wrote, or this one; undoing an undo brings it back
  write                    keeps one Markdown file a book; what you write in it around our part stays

  --library DIR            calibre's library; with list and write it is left exactly as it is, and may be open in calibre
  --sidecars DIR           a mounted reader, a copy of its card, or a synced folder, again for another one
  --ids 1,2                these books alone
  --format WHICH           with list: md (default), json or csv
  --for WHOM               with sync: viewer, which is everybody at this computer, or user:NAME of the content server
  --deletions HOW          with sync, for what was removed on the reader: keep (default), follow (few at once), or all
  --dry-run                with sync: say what would be written, and write nothing
  --notes FOLDER           with write: where the files of notes are kept

Nothing is changed on the reader. What you change or delete in calibre stays so. What was once written into notes stays
in them.
Exit code 0, 1 when something was left as it is, 2 when nothing could be done.

Example:
  koreader-progress annotations sync --library "$HOME/Calibre Library" --sidecars /media/KOBOeReader --for viewer
`;

const ACTIONS = ["list", "sync", "undo", "write"] as const;
type Action = (typeof ACTIONS)[number];

/** What a command was told, checked. */
interface Asked {
  readonly action: Action;
  readonly library: string;
  readonly folders: readonly string[];
  readonly ids: readonly number[] | null;
  readonly format: ExportFormat;
  readonly notes: string;
  readonly target: AnnotationTarget | null;
  readonly deletions: Deletions;
  readonly dry_run: boolean;
  readonly run: string | null;
}

/** Lists, syncs, takes back or writes the annotations of the books in a library. */
export function run(args: string[]): Promise<number> {
  return orSentence(async () => {
    const asked = askedBy(args);
    return inCalibre(async (calibre, signal) => {
      const reads = asked.action === "list" || asked.action === "write" || asked.dry_run;
      const book_ids = await openLibrary(calibre, { library: asked.library, dry_run: reads }, signal);
      const { action } = asked;
      if (action === "undo") return tellReport(await calibre.undoAnnotations(asked.run), "taken back");
      const found = await calibre.annotations(asked.ids ?? book_ids, asked.folders, asked.target);
      for (const { title, annotations } of found.unmatched)
        process.stderr.write(`Not in this library: ${title} (${annotations})\n`);
      if (found.odd > 0) process.stderr.write(`Files that could not be read: ${found.odd}\n`);
      const place: PlaceIn = (book, annotations) => placeBook(book, annotations, openBookArchive, signal);
      if (action === "sync") return sync(calibre, asked, found.books, place);
      if (action === "write")
        return tellNotes(await writeNotes(found.books, place, await openNotesFolder(asked.notes)));
      process.stdout.write(await listAnnotations(found.books, asked.format, place));
      return 0;
    });
  });
}

async function sync(
  calibre: CalibreLibrary,
  { target, deletions, dry_run }: Asked,
  books: Parameters<typeof planAnnotations>[0],
  place: PlaceIn,
): Promise<number> {
  if (target === null) return 2;
  const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const plans = await planAnnotations(books, { target, deletions, time_zone }, place);
  tellPlans(plans, new Map(books.map(({ book_id, title }) => [book_id, title])));
  return dry_run ? 0 : tellReport(await calibre.keepAnnotations(target, plans), "written");
}

function askedBy(args: string[]): Asked {
  const { values, positionals } = parseArgs({
    args,
    options: {
      library: { type: "string" },
      sidecars: { type: "string", multiple: true, default: [] },
      ids: { type: "string" },
      format: { type: "string", default: "md" },
      notes: { type: "string" },
      for: { type: "string" },
      deletions: { type: "string", default: "keep" },
      "dry-run": { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const [action, run = null, ...others] = positionals;
  if (!isAction(action) || others.length > 0 || (run !== null && action !== "undo"))
    throw new Refused("annotations: say list, sync, undo or write, and nothing else.");
  const { library, sidecars, notes } = values;
  if (library === undefined) throw new Refused("annotations: --library is needed.");
  if (sidecars.length === 0 && action !== "undo")
    throw new Refused("annotations: --sidecars is needed: where a reader keeps its files.");
  const format = ExportFormat.safeParse(values.format).data;
  if (format === undefined) throw new Refused(`annotations: --format is ${ExportFormat.options.join(", ")}.`);
  const deletions = Deletions.safeParse(values.deletions).data;
  if (deletions === undefined) throw new Refused(`annotations: --deletions is ${Deletions.options.join(", ")}.`);
  if (action === "write" && notes === undefined) throw new Refused("annotations write: --notes FOLDER is needed.");
  const target = AnnotationTarget.safeParse(values.for).data ?? null;
  if (action === "sync" && target === null)
    throw new Refused("annotations sync: --for is needed: viewer, or user:NAME of the content server.");
  const ids = values.ids === undefined ? null : idsOf(values.ids, "annotations");
  const folders = sidecars.map((folder) => resolve(folder));
  const dry_run = values["dry-run"];
  return { action, library, folders, ids, format, notes: resolve(notes ?? "."), target, deletions, dry_run, run };
}

function isAction(text: string | undefined): text is Action {
  return ACTIONS.some((action) => action === text);
}

const SAID: Readonly<Record<NoteOutcome, string>> = {
  made: "new",
  changed: "changed",
  unchanged: "nothing new",
  removed: "you removed this file: it is not made again",
  left: "left alone: our two lines in it are not as they were",
};

function tellNotes(noted: readonly Noted[]): number {
  for (const { title, outcome, path } of noted) process.stdout.write(`${path ?? title}: ${SAID[outcome]}\n`);
  return noted.some(({ outcome }) => outcome === "left") ? 1 : 0;
}
