/** Text that is HTML already. */
export interface Html {
  readonly html: string;
}

type Piece = Html | string | number | null | readonly Html[];

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function render(piece: Piece): string {
  if (piece === null) return "";
  if (typeof piece === "string") return piece.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
  if (typeof piece === "number") return String(piece);
  if ("html" in piece) return piece.html;
  return piece.map(({ html }) => html).join("");
}

/** A template whose values are escaped unless they are HTML themselves. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return { html: strings.map((text, index) => text + render(pieces[index] ?? null)).join("") };
}
