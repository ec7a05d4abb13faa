/** What was marked in the books of a library, for people and for other programs. */
import type { Annotation, AnnotationPlace, ExportFormat } from "../../model/annotation.ts";
import { formatCsv } from "../csv.ts";
import { escapeMarkdown, formatAnnotations, viewerLink } from "./markdown.ts";

/** A book and its annotations with their places. */
export interface ExportedBook {
  readonly book_id: number;
  readonly uuid: string;
  readonly title: string;
  readonly authors: readonly string[];
  readonly annotations: readonly {
    readonly annotation: Annotation;
    readonly format: string | null;
    readonly place: AnnotationPlace;
  }[];
}

const HEAD = [
  "title",
  "authors",
  "chapter",
  "page",
  "kind",
  "text",
  "note",
  "color",
  "created",
  "devices",
  "placed",
  "link",
];

/** The books with their annotations as Markdown, as JSON (an object a book), or as CSV (a row a annotation, with a header). */
export function exportAnnotations(books: readonly ExportedBook[], format: ExportFormat): string {
  if (format === "json") return `${JSON.stringify(books, null, 2)}\n`;
  if (format === "csv") return formatCsv([HEAD, ...books.flatMap(rowsOf)]);
  return books.map(inMarkdown).join("\n");
}

function rowsOf({ book_id, title, authors, annotations }: ExportedBook): string[][] {
  return annotations.map(({ annotation, format, place }) => {
    const { chapter, page_label, kind, text, note, color, created, devices } = annotation;
    const told = [chapter ?? "", page_label ?? "", kind, text ?? "", note ?? "", color ?? "", created];
    const placed = place.status === "unplaced" ? place.reason : place.status;
    const link = viewerLink(book_id, format, place) ?? "";
    return [title, authors.join(" & "), ...told, devices.join(" & "), placed, link];
  });
}

function inMarkdown({ book_id, title, authors, annotations }: ExportedBook): string {
  const heading = `# ${escapeMarkdown([title, authors.join(" & ")].filter((part) => part !== "").join(" - "))}`;
  const told = annotations.map(({ annotation, format, place }) => ({
    annotation,
    link: viewerLink(book_id, format, place),
  }));
  return `${heading}\n\n${formatAnnotations(told)}`;
}
