import { convertPosition } from "../../src/app/book/convert.ts";
import { type BookText, openBookText } from "../../src/app/book/text.ts";
import { openBookArchive } from "../../src/io/books/epub.ts";
import { ConvertedPosition } from "../../src/model/position.ts";

/** Opens a real file for as long as it is used. */
export async function withBook<T>(path: string, use: (book: BookText) => Promise<T>): Promise<T> {
  const book = await openBookText(path, openBookArchive);
  try {
    return await use(book);
  } finally {
    await book.close();
  }
}

/** Converts and checks the shape of what comes out. */
export async function convert(
  path: string,
  position: string,
  to: "cfi" | "xpointer" | "words",
): Promise<ConvertedPosition> {
  return withBook(path, async (book) => ConvertedPosition.parse(await convertPosition(book, position, to)));
}
