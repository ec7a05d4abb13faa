import type { BookFiles } from "./app/ports.ts";

/** The files of this machine. */
export async function openBookFiles(): Promise<BookFiles> {
  const { createBookFiles } = await import("./io/book-file.ts");
  return createBookFiles();
}
