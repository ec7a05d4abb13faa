const SENTENCES: Readonly<Record<string, string>> = {
  ENOENT: "does not exist.",
  EACCES: "may not be read.",
  EISDIR: "is a folder.",
  ENOTFILE: "is no file.",
  not_a_zip: "is not an EPUB: it is no zip archive.",
  too_many_entries: "has more files inside than any book needs.",
  entry_too_large: "holds a file of more than 100 MB.",
  book_too_large: "unpacks to more than 1 GB.",
  zip_bomb: "is packed more tightly than text can be.",
  encrypted: "is protected.",
  damaged: "is damaged.",
  no_package: "has no package document.",
  empty_spine: "has no text.",
};

/** Why a book cannot be read, as the end of a sentence that began with its name. */
export function reasonSentence(reason: string): string {
  return SENTENCES[reason] ?? `cannot be read (${reason}).`;
}
