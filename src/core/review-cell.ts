import type { Cell } from "../model/cell.ts";
import type { ColumnMapping } from "../model/profile.ts";
import { textCell } from "./columns.ts";

const HTML: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** What a reader wrote, as a paragraph a block, with its line breaks; nothing of it is markup. */
function inHtml(text: string): string {
  const escaped = text.replaceAll(/[&<>"']/g, (letter) => HTML[letter] ?? letter);
  const paragraphs = escaped.split(/\n{2,}/).map((block) => `<p>${block.replaceAll("\n", "<br>")}</p>`);
  return paragraphs.join("\n");
}

/** As Markdown that shows the text as it was written. */
function inMarkdown(text: string): string {
  const escaped = text
    .replaceAll(/[\\`*_{}[\]()#+\-.!|~]/g, (letter) => `\\${letter}`)
    .replaceAll(/[&<>]/g, (letter) => HTML[letter] ?? letter);
  return escaped.replaceAll(/(?<!\n)\n(?!\n)/g, "  \n");
}

/** A review as its column shows it: plain text, Markdown or HTML, escaped, with its newlines. */
export function reviewCell(mapping: ColumnMapping, review: string): Cell {
  const clean = textCell(mapping, review)?.cell;
  if (typeof clean !== "string") return null;
  const shown = mapping.interpret_as ?? "html";
  if (shown === "html") return inHtml(clean);
  return shown === "markdown" ? inMarkdown(clean) : clean;
}
