/** What was marked in a book as Markdown, for people and for their note-taking programs. */
import type { AnnotationPlace, Annotation } from "../../model/annotation.ts";

/** A annotation as it is told: with a link into the book where it has a place there. */
export interface Told {
  readonly annotation: Annotation;
  readonly link: string | null;
}

/** Characters with which Markdown would begin something of its own. */
const SPECIAL = /[\\`*_{}[\]<>#|~$!&]/g;
/** The same at the beginning of a line alone: lists, quotes, headings, rules. */
const BEGINNING = /^(\s*)([-+>=]|\d+(?=[.)]))/;

/** Text as text: nothing in it is markup. */
export function escapeMarkdown(text: string): string {
  return text
    .split("\n")
    .map((line) => line.replaceAll(SPECIAL, "\\$&").replace(BEGINNING, "$1\\$2"))
    .join("\n");
}

function quote(text: string): string {
  return escapeMarkdown(text)
    .split("\n")
    .map((line) => (line === "" ? ">" : `> ${line}`))
    .join("\n");
}

/** Opens calibre's viewer at a annotation, in the library that is open; null for a annotation without a place. */
export function viewerLink(book_id: number, format: string | null, place: AnnotationPlace): string | null {
  if (format === null || place.status === "unplaced") return null;
  const at = place.status === "bookmark" ? place.cfi : `epubcfi(/${2 * (place.spine_index + 1)}${place.start_cfi})`;
  return `calibre://view-book/_/${book_id}/${format}?open_at=${encodeURIComponent(at)}`;
}

/** What stands below a quote: page, colour, day, devices. */
function about({ annotation, link }: Told): string {
  const { page_label, color, created, devices } = annotation;
  const page = page_label === null ? [] : [`page ${escapeMarkdown(page_label)}`];
  const told = [...page, ...(color === null ? [] : [color]), created.slice(0, 10), ...devices.map(escapeMarkdown)];
  return `*${told.join(", ")}*${link === null ? "" : ` [in calibre](${link})`}`;
}

function tell(told: Told): string {
  const { annotation } = told;
  const words = annotation.kind === "highlight" ? quote(annotation.text ?? "") : "**Bookmark**";
  const note = annotation.note === null ? [] : [escapeMarkdown(annotation.note)];
  return [words, ...note, about(told)].join("\n\n");
}

/** A book's annotations under the headings of its chapters, in the order given. */
export function formatAnnotations(annotations: readonly Told[]): string {
  const parts: string[] = [];
  let chapter: string | null = null;
  for (const told of annotations) {
    if (told.annotation.chapter !== null && told.annotation.chapter !== chapter) {
      chapter = told.annotation.chapter;
      parts.push(`## ${escapeMarkdown(chapter)}`);
    }
    parts.push(tell(told));
  }
  return `${parts.join("\n\n")}\n`;
}
