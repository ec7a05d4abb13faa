/** `koreader-progress backup`: everything of a server in one file. */
import process from "node:process";
import { parseArgs } from "node:util";
import type { Lost } from "../compose.ts";
import { fileSentence } from "./sentences.ts";
import { STORE_HELP, STORE_OPTIONS, isMissing, storePlace, withBackup } from "./store-options.ts";

export const summary =
  "backup FILE --data DIR|--redis URL    everything of your server as JSON lines, also while it runs";

export const help = `
${STORE_HELP}

FILE must not be there yet: no backup replaces another. The server may go on running.
Exit code 0, 1 when the data are damaged and FILE holds what could be read, 2 when nothing could be done.

Example:
  koreader-progress backup backup.jsonl --data /var/lib/koreader-progress
`;

/** What a damaged store no longer gives, as words; "up to" because nobody can say what stood on a broken page. */
function sayLost({ accounts, documents, histories }: Lost): string {
  return `up to ${accounts} accounts and ${documents} documents could not be read, nor the earlier positions of ${histories} more`;
}

/** 0 when all is written, 1 when the store is damaged and the file holds what could be read, 2 when nothing could be done. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options: STORE_OPTIONS, allowPositionals: true });
  const [path] = positionals;
  if (path === undefined || positionals.length > 1) {
    process.stderr.write("backup: name one file to write.\n");
    return 2;
  }
  if (isMissing("backup", storePlace(values).data)) return 2;
  return withBackup(values, async (admin) => {
    try {
      const { lines, lost } = await admin.exportTo(path);
      process.stdout.write(`${path}: ${lines} lines. The accounts' keys are in it: keep it to yourself.\n`);
      if (lost === null) return 0;
      process.stderr.write(
        `backup: the store is damaged: ${sayLost(lost)}. "restore" what is there into another folder.\n`,
      );
      return 1;
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
      // What the file system refuses names the call; anything else came from the store.
      if (!("syscall" in error)) {
        process.stderr.write(`backup: the store cannot be read: ${error.message}. Nothing was written.\n`);
        return 2;
      }
      const why: Readonly<Record<string, string>> = {
        EEXIST: `${path} is there already.`,
        ENOENT: `${path} cannot be written: there is no such folder.`,
      };
      const sentence = why[String(error.code)] ?? fileSentence(error.code, path);
      process.stderr.write(`backup: ${sentence}\n`);
      return 2;
    }
  });
}
