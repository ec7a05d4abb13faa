/** The `--id` of a command about one book. */
import { Refused } from "./sentences.ts";

/** calibre's id of a book as a number; throws Refused with the command's own sentence. */
export function bookIdOf(text: string | undefined, command: string): number {
  const id = Number(text);
  if (text === undefined || !Number.isInteger(id) || id < 1)
    throw new Refused(`${command}: --id wants a book's number.`);
  return id;
}
