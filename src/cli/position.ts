import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { type BookText, openBookText } from "../app/book/text.ts";
import { type PositionTarget, convertPositions, describePosition } from "../app/book/convert.ts";
import { openBookArchive } from "../compose.ts";
import { SyncError } from "../model/error.ts";
import { reasonSentence } from "./position-sentences.ts";

/** One line for the list of commands. */
export const summary =
  "position BOOK [--to cfi|xpointer|words] [POSITION] [--batch] [--json]    a place in a book, in another program's words";

/** What `--help` says beyond that line. */
export const help = `
  --to WHICH               cfi (calibre's viewer), xpointer (KOReader) or words; without it all that is known is said
  --batch                  one position a line on standard input, one JSON object a line out
  --json                   JSON instead of words

POSITION is a CFI or an XPointer, as an argument or on standard input. Exit code 0, 1 when the book or a position could
not be read, 2 when something is missing.

Example:
  koreader-progress position book.epub --to words "/body/DocFragment[2]/body/p[3]/text().7"
`;

function isTarget(to: string): to is PositionTarget {
  return to === "cfi" || to === "xpointer" || to === "words";
}

async function positionsOf(positional: string | undefined, isBatch: boolean): Promise<string[]> {
  if (positional !== undefined) return [positional];
  const lines = (await text(process.stdin)).split(/\r?\n/).filter((line) => line.trim() !== "");
  return isBatch ? lines : lines.slice(0, 1);
}

/**
 * Says positions of one book as CFI, XPointer or words; without `--to`, everything known. `--batch` reads one position
 * a line and writes one JSON object a line. Returns 0, 1 when a position or the book could not be read, 2 when misused.
 */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: {
      to: { type: "string" },
      batch: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const [path, position, ...others] = positionals;
  const { to } = values;
  if (path === undefined || others.length > 0) {
    process.stderr.write("position: name one book and at most one position.\n");
    return 2;
  }
  if (to !== undefined && !isTarget(to)) {
    process.stderr.write(`position: --to takes cfi, xpointer or words, not "${to}".\n`);
    return 2;
  }
  const positions = await positionsOf(position, values.batch);
  if (positions.length === 0 && !values.batch) {
    process.stderr.write("position: there is no position, neither as an argument nor on standard input.\n");
    return 2;
  }
  try {
    const book = await openBookText(path, openBookArchive);
    try {
      let missed = 0;
      const all = to === undefined ? await describeAll(book, positions) : await convertPositions(book, positions, to);
      for (const said of all) {
        if ("position" in said ? said.position === null : said.kind === "unknown") missed += 1;
        if (values.batch || values.json) process.stdout.write(`${JSON.stringify(said)}\n`);
        else if ("position" in said) process.stdout.write(`${said.position ?? "-"}\n`);
        else process.stdout.write(`${describe(said)}\n`);
      }
      return missed > 0 && !values.batch ? 1 : 0;
    } finally {
      await book.close();
    }
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind !== "BookUnreadable") throw error;
    process.stderr.write(`position: ${path} ${reasonSentence(String(error.data["reason"]))}\n`);
    return 1;
  }
}

async function describeAll(book: BookText, positions: readonly string[]): Promise<Described[]> {
  const all: Described[] = [];
  for (const position of positions) all.push(await describePosition(book, position));
  return all;
}

type Described = Awaited<ReturnType<typeof describePosition>>;

/** The same for people: one line for each thing that is known. */
function describe({ words, ...known }: Described): string {
  const lines = Object.entries({ ...known, chapter: words?.chapter ?? null, sentence: words?.sentence ?? null });
  return lines
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => `${`${name}:`.padEnd(12)} ${String(value)}`)
    .join("\n");
}
