/** Connects the bridge to this process: answers to stdout, the log to stderr; ends with stdin. */
import process from "node:process";
import type { Hello } from "./contract.ts";
import { createHandlers } from "./handlers.ts";
import { serve } from "./serve.ts";

/** How the talk began: with a hello that has been answered, or with a line that nobody has looked at. */
export type Beginning = { readonly hello: Hello } | { readonly unread: string };

function log(text: string): void {
  process.stderr.write(`${text}\n`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** How long the last answers may take to be read after the lines have ended, in milliseconds. */
const LAST_WORDS_MS = 2000;

/** Resolves once the other side has taken all that was said, or no longer cares. */
function everythingSaid(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, LAST_WORDS_MS).unref();
    // A pipe holds some 64 KB: leaving now would cut off whatever is still on its way there.
    process.stdout.write("", () => resolve());
  });
}

/** Runs until the lines end, then lets go of everything and leaves. */
export async function runBridge(rest: AsyncIterable<string>, beginning: Beginning): Promise<void> {
  // A library's stray console.log must not break into the protocol.
  console.log = console.info = console.debug = (...words: unknown[]) => log(words.map(String).join(" "));
  // calibre is gone: nobody reads our answers any more.
  process.stdout.on("error", () => process.exit(0));
  const notify = (method: string, params: object): void => say(JSON.stringify({ jsonrpc: "2.0", method, params }));
  const { handlers, close, greet } = createHandlers({
    places: (places) => notify("server/places", { places }),
    visit: (visit) => notify("server/visit", visit),
  });
  const greeted = "hello" in beginning;
  if (greeted) greet(beginning.hello);
  async function* lines(): AsyncGenerator<string> {
    if ("unread" in beginning) yield beginning.unread;
    yield* rest;
  }
  await serve({ lines: lines(), write: say, log }, handlers, { greeted });
  await close();
  await everythingSaid();
  process.exit(0);
}
