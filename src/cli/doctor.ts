/** `koreader-progress doctor`: what works between this machine, a server, a book and a reader's card, and what does not. */
import { platform, release } from "node:os";
import { resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { VERSION } from "../../bridge/version.ts";
import { diagnose } from "../app/diagnose.ts";
import type { CalibreLibrary } from "../app/ports.ts";
import type { SeenCard } from "../model/library.ts";
import { compose } from "../compose.ts";
import type { Diagnosis, Finding } from "../model/diagnosis.ts";
import type { KnownDigest } from "../model/digest.ts";
import { ACCOUNT_HELP, ACCOUNT_OPTIONS, accountOf } from "./account-options.ts";
import { bookIdOf } from "./book-id.ts";
import { openLibrary, withCalibre } from "./calibre.ts";
import { Refused, orSentence } from "./sentences.ts";
import { stoppable } from "./stopping.ts";

export const summary =
  "doctor --url URL --user NAME --password-stdin [--library DIR --id N] [--device DIR]    what works, and what does not";

export const help = `
${ACCOUNT_HELP}
  --library DIR            calibre's library, with
  --id N                   a book of it: which of its digests the server knows
  --device DIR             a reader's card or folder as it is mounted: what KOReader keeps there
  --json                   one JSON object instead of lines

Nothing is changed anywhere. What is printed names neither you nor your books, your server or your folders: it can be
pasted where somebody helps.

Example:
  koreader-progress doctor --url https://sync.example --user ann --password-stdin < password.txt
`;

/** What was found out here, beside the server. */
interface Here {
  readonly calibre: string | null;
  readonly digests: readonly KnownDigest[];
  readonly card: SeenCard | null;
}

/** 0 when nothing is wrong, 1 when something is, 2 when it could not be found out, 130 when stopped. */
export function run(args: string[]): Promise<number> {
  return orSentence(async () => {
    const { values } = parseArgs({
      args,
      options: {
        ...ACCOUNT_OPTIONS,
        library: { type: "string" },
        id: { type: "string" },
        device: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const { library, device = null, json } = values;
    if ((library === undefined) !== (values.id === undefined))
      throw new Refused("doctor: --library and --id go together.");
    const chosen = library === undefined ? null : { library, book_id: bookIdOf(values.id, "doctor") };
    const account = await accountOf(values, "doctor");

    async function look(signal: AbortSignal): Promise<number> {
      const needsCalibre = chosen !== null || device !== null;
      const here = needsCalibre
        ? await withCalibre(signal, (calibre) => examine(calibre, chosen, device, signal))
        : { calibre: null, digests: [], card: null };
      const outside = await compose({ cache_folder: null });
      const diagnosis = await diagnose({ account, digests: here.digests }, outside, signal);
      const machine = machineOf(here);
      if (json) process.stdout.write(`${JSON.stringify({ ...machine, card: cardOf(here), ...shown(diagnosis) })}\n`);
      else process.stdout.write(`${[...Object.values(machine), ...linesOf(diagnosis, here)].join("\n")}\n`);
      return diagnosis.findings.some(({ level }) => level === "bad") ? 1 : 0;
    }
    return stoppable((signal) => orSentence(() => look(signal)));
  });
}

async function examine(
  calibre: CalibreLibrary,
  chosen: { readonly library: string; readonly book_id: number } | null,
  device: string | null,
  signal: AbortSignal,
): Promise<Here> {
  const { calibre: version, card } = await calibre.examine(device === null ? null : resolve(device));
  if (chosen === null) return { calibre: version, digests: [], card };
  await openLibrary(calibre, { library: chosen.library, dry_run: true }, signal);
  const { digests } = await calibre.copies(chosen.book_id);
  return { calibre: version, digests, card };
}

function machineOf({ calibre }: Here): Record<"program" | "runtime" | "system" | "calibre", string> {
  const { deno } = process.versions as Record<string, string | undefined>;
  return {
    program: `koreader-progress ${VERSION}`,
    runtime: deno === undefined ? `Node ${process.versions.node}` : `Deno ${deno}`,
    system: `${platform()} ${release()}`,
    calibre: calibre === null ? "calibre was not asked" : `calibre ${calibre}`,
  };
}

/** The diagnosis without the address, and the checks without what refusals carry. */
function shown({ checks, findings }: Diagnosis): object {
  return { checks: checks.map(({ name, ok, took }) => ({ name, ok, took })), findings };
}

/** What the card says of the chosen book; how many books and sidecars there are. */
function cardOf({ card, digests }: Here): object | null {
  if (card === null) return null;
  const known = digests.filter(({ digest }) => Object.hasOwn(card.sidecars, digest));
  return { books: card.books, sidecars: Object.keys(card.sidecars).length, odd: card.odd, of_this_book: known.length };
}

const MARKS: Readonly<Record<Finding["level"], string>> = { good: "+", note: "o", bad: "-" };

function linesOf({ findings }: Diagnosis, here: Here): string[] {
  const lines = findings.map(({ about, level, says, advice }) =>
    `${MARKS[level]} ${about}: ${says} ${advice}`.trimEnd(),
  );
  return [...lines, ...cardLines(here)];
}

function cardLines({ card, digests }: Here): string[] {
  if (card === null) return [];
  const count = Object.keys(card.sidecars).length;
  const odd = card.odd === 0 ? "" : ` ${card.odd} could not be read.`;
  const lines = [`+ device: ${card.books} books, ${count} sidecars of KOReader.${odd}`];
  if (digests.length === 0) return lines;
  const known = digests.filter(({ digest }) => Object.hasOwn(card.sidecars, digest));
  const advice = " Was this copy opened there? KOReader writes a sidecar when a book is closed.";
  if (known.length === 0) lines.push(`o device: No sidecar there is of this book.${advice}`);
  for (const { digest } of known) {
    const share = card.sidecars[digest];
    const far = share === null || share === undefined ? "it does not say how far" : `at ${(share * 100).toFixed(1)} %`;
    lines.push(`+ device: A sidecar there is of this book (${digest.slice(0, 8)}…), ${far}.`);
  }
  return lines;
}
