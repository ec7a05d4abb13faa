/** Lines of a stream; nothing else, so that it loads in no time. */

/** UTF-8 text of a stream, line by line; what follows the last line end is dropped, for it was cut. */
export async function* readLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  // A long message arrives in hundreds of chunks: joining them once keeps this linear.
  let parts: string[] = [];
  for await (const chunk of stream) {
    const pieces = decoder.decode(chunk, { stream: true }).split("\n");
    for (const piece of pieces.slice(0, -1)) {
      yield parts.length === 0 ? piece : parts.join("") + piece;
      parts = [];
    }
    const rest = pieces.at(-1);
    if (rest !== undefined && rest !== "") parts.push(rest);
  }
}
