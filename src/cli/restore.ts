/** `koreader-progress restore`: what a backup holds goes back into a store. */
import process from "node:process";
import { parseArgs } from "node:util";
import { STORE_OPTIONS, withAdmin } from "./store-options.ts";

export const summary = "restore FILE --data DIR|--redis URL    a backup goes back; what has the same name is replaced";

/** 0 when all of it is in the store, 1 when a line was broken, 2 when nothing could be done. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options: STORE_OPTIONS, allowPositionals: true });
  const [path] = positionals;
  if (path === undefined || positionals.length > 1) {
    process.stderr.write("restore: name one file that backup wrote.\n");
    return 2;
  }
  return withAdmin("restore", values, async (admin) => {
    try {
      const { users, documents } = await admin.importFile(path);
      process.stdout.write(`Restored ${users} users and ${documents} documents.\n`);
      return 0;
    } catch (error) {
      if (!(error instanceof Error) || !("line" in error || "code" in error)) throw error;
      process.stderr.write(`restore: ${path}: ${error.message}\n`);
      return "line" in error ? 1 : 2;
    }
  });
}
