/** `koreader-progress restore`: what a backup holds goes back into a store. */
import process from "node:process";
import { parseArgs } from "node:util";
import { fileSentence } from "./sentences.ts";
import { STORE_HELP, STORE_OPTIONS, isMissing, withAdmin } from "./store-options.ts";

export const summary = "restore FILE --data DIR|--redis URL    a backup goes back; what has the same name is replaced";

export const help = `
${STORE_HELP}

What FILE does not name stays as it is. Exit code 0, 1 when a line is broken (what came before it is restored), 2 when
nothing could be done.

Example:
  koreader-progress restore backup.jsonl --data /var/lib/koreader-progress
`;

/** 0 when all of it is in the store, 1 when a line was broken, 2 when nothing could be done. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options: STORE_OPTIONS, allowPositionals: true });
  const [path] = positionals;
  if (path === undefined || positionals.length > 1) {
    process.stderr.write("restore: name one file that backup wrote.\n");
    return 2;
  }
  if (isMissing("restore", path)) return 2;
  return withAdmin("restore", values, async (admin) => {
    try {
      const { users, documents } = await admin.importFile(path);
      process.stdout.write(`Restored ${users} users and ${documents} documents.\n`);
      return 0;
    } catch (error) {
      if (!(error instanceof Error) || !("line" in error || "code" in error)) throw error;
      const isBroken = "line" in error;
      process.stderr.write(
        `restore: ${isBroken ? `${path}: ${error.message}` : fileSentence("code" in error ? error.code : null, path)}\n`,
      );
      return isBroken ? 1 : 2;
    }
  });
}
