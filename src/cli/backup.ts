/** `koreader-progress backup`: everything of a server in one file. */
import process from "node:process";
import { parseArgs } from "node:util";
import { STORE_OPTIONS, isMissing, storePlace, withAdmin } from "./store-options.ts";

export const summary =
  "backup FILE --data DIR|--redis URL    everything of your server as JSON lines, also while it runs";

/** 0 when written, 2 when nothing could be done. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options: STORE_OPTIONS, allowPositionals: true });
  const [path] = positionals;
  if (path === undefined || positionals.length > 1) {
    process.stderr.write("backup: name one file to write.\n");
    return 2;
  }
  if (isMissing("backup", storePlace(values).data)) return 2;
  return withAdmin("backup", values, async (admin) => {
    try {
      const lines = await admin.exportTo(path);
      process.stdout.write(`${path}: ${lines} lines. The accounts' keys are in it: keep it to yourself.\n`);
      return 0;
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
      const reason = error.code === "EEXIST" ? "is there already" : `cannot be written (${String(error.code)})`;
      process.stderr.write(`backup: ${path} ${reason}.\n`);
      return 2;
    }
  });
}
