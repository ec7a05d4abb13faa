/** Connects the bridge to this process: lines from stdin, answers to stdout, the log to stderr; ends with stdin. */
import process from "node:process";
import { createHandlers } from "./handlers.ts";
import { serve } from "./serve.ts";

/** UTF-8 text of a stream, line by line; what follows the last line end is dropped, for it was cut. */
export async function* readLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
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

function log(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Runs until stdin ends, then lets go of everything and leaves. */
export async function runBridge(): Promise<void> {
  // A library's stray console.log must not break into the protocol.
  console.log = console.info = console.debug = (...words: unknown[]) => log(words.map(String).join(" "));
  // calibre is gone: nobody reads our answers any more.
  process.stdout.on("error", () => process.exit(0));
  const { handlers, close } = createHandlers();
  await serve(
    { lines: readLines(process.stdin), write: (line) => void process.stdout.write(`${line}\n`), log },
    handlers,
  );
  await close();
  process.exit(0);
}
