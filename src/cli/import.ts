/** `koreader-progress import`: the accounts and positions of another server. */
import process from "node:process";
import { parseArgs } from "node:util";
import { STORE_HELP, STORE_OPTIONS, isMissing, withAdmin } from "./store-options.ts";

export const summary =
  "import --from-redis URL|--from-data DIR --data DIR|--redis URL    all of another server, KOReader's own included";

export const help = `
  --from-redis URL         takes all that lies in a Redis: KOReader's own server keeps it in redis://HOST:6379/1
  --from-data DIR          takes all that lies in the data folder of another server of ours
${STORE_HELP}

What has the same name is replaced. Nothing is changed where it comes from.

Example:
  koreader-progress import --from-redis redis://127.0.0.1:6379/1 --data /var/lib/koreader-progress
`;

/** 0 when all of it was taken over, 2 when nothing could be done. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { ...STORE_OPTIONS, "from-redis": { type: "string" }, "from-data": { type: "string" } },
  });
  const redis = values["from-redis"];
  const data = values["from-data"];
  if ((redis === undefined) === (data === undefined)) {
    process.stderr.write(
      "import: name where from: --from-redis URL (KOReader's own server: redis://HOST:6379/1) or --from-data DIR.\n",
    );
    return 2;
  }
  if (isMissing("import", data)) return 2;
  return withAdmin("import", values, async (admin) => {
    const { users, documents } = await admin.importStore(redis === undefined ? { data: data ?? "" } : { redis });
    process.stdout.write(`Imported ${users} users and ${documents} documents.\n`);
    return 0;
  });
}
