/** A file of notes: what stands between our two lines is ours, everything around them is its owner's, to the byte. */

const BEGIN = "<!-- koreader-progress: what stands from here on is written anew -->";
const END = "<!-- koreader-progress: what stands from here on is yours -->";
const OURS = /^koreader_progress: ([0-9a-f-]{36})\r?$/m;
/** A heading of properties is no longer. */
const LONGEST_HEAD = 16_384;

/** What a new file says of its book. */
export interface NoteBook {
  readonly uuid: string;
  readonly title: string;
  readonly authors: readonly string[];
}

/** The book of a file, by the properties at its beginning; null for a file of somebody else's. */
export function bookOfNotes(text: string): string | null {
  const head = /^\uFEFF?---\r?\n([\s\S]*?)\n---(?:\r?\n|$)/.exec(text.slice(0, LONGEST_HEAD))?.[1];
  return head === undefined ? null : (OURS.exec(head)?.[1] ?? null);
}

function newNotes({ uuid, title, authors }: NoteBook, ours: string): string {
  const head = [`title: ${JSON.stringify(title)}`, `authors: ${JSON.stringify(authors)}`, `koreader_progress: ${uuid}`];
  return `---\n${head.join("\n")}\n---\n\n${BEGIN}\n\n${ours}\n${END}\n`;
}

/** The file with our part as it is now; null for one whose two lines are gone or stand otherwise than we left them. */
export function updateNotes(text: string | null, book: NoteBook, ours: string): string | null {
  if (text === null) return newNotes(book, ours);
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  const isWhole = begin !== -1 && end > begin && !text.includes(BEGIN, begin + 1) && !text.includes(END, end + 1);
  if (!isWhole) return null;
  const lineEnd = text.includes("\r\n") ? "\r\n" : "\n";
  const part = `${BEGIN}\n\n${ours}\n`.replaceAll("\n", lineEnd);
  return `${text.slice(0, begin)}${part}${text.slice(end)}`;
}

/** What no system takes in a name, and what some programs take for markup. */
const UNSAFE = /[\p{Cc}\p{Cf}<>:"/\\|?*#^[\]]+/gu;
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)$/i;
/** Bytes of a name: with an ending and a number it stays below what any system takes. */
const LONGEST_NAME = 180;

/** A name, without its ending, that every system takes: "Title - Author". */
export function nameOfNotes({ title, authors }: NoteBook): string {
  const told = [title, authors.join(" & ")].filter((part) => part.trim() !== "").join(" - ");
  let name = "";
  for (const character of told.toWellFormed().normalize("NFC").replaceAll(UNSAFE, " ").replaceAll(/\s+/g, " ").trim()) {
    if (new TextEncoder().encode(name + character).length > LONGEST_NAME) break;
    name += character;
  }
  name = name.replace(/^[. ]+/, "").replace(/[. ]+$/, "");
  if (name === "") return "Book";
  return RESERVED.test(name.split(".")[0]?.trim() ?? "") ? `_${name}` : name;
}
