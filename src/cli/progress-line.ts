/** The last line of a terminal tells how far long work is; where nobody watches, such as in a pipe, nothing is told. */
import type { WriteStream } from "node:tty";

/** Back to the beginning of the line, and nothing on it. */
const CLEAR = "\r\u001B[K";

/** Shows a sentence in the place of the last one; null clears the line. */
export function progressLine(
  stream: Pick<WriteStream, "isTTY" | "columns" | "write">,
): (sentence: string | null) => void {
  if (!stream.isTTY) return () => {};
  let isShown = false;
  return (sentence) => {
    if (sentence === null && !isShown) return;
    isShown = sentence !== null;
    // A longer one would go over into the next line, and stay there. Some terminals do not say how wide they are.
    const width = stream.columns > 0 ? stream.columns : 80;
    stream.write(`${CLEAR}${(sentence ?? "").slice(0, width - 1)}`);
  };
}
