/** `koreader-progress user`: the accounts of a server of one's own. */
import process from "node:process";
import { parseArgs } from "node:util";
import { userkeyOf } from "./password.ts";
import { STORE_OPTIONS, isMissing, storePlace, withAdmin } from "./store-options.ts";

export const summary =
  "user add|list|passwd|delete [NAME] --data DIR|--redis URL [--json]    the accounts of your server; the password comes on standard input";

/** 0 when done, 1 when the name is taken or unknown, 2 when nothing could be done. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { ...STORE_OPTIONS, json: { type: "boolean" } },
    allowPositionals: true,
  });
  const [action = "", name = "", ...rest] = positionals;
  const isKnown = ["add", "list", "passwd", "delete"].includes(action);
  if (!isKnown || rest.length > 0 || (action === "list") !== (name === "")) {
    process.stderr.write("user: add NAME, list, passwd NAME or delete NAME.\n");
    return 2;
  }
  if (name.includes(":")) {
    process.stderr.write("user: a name cannot hold a colon.\n");
    return 2;
  }
  if (action !== "add" && isMissing("user", storePlace(values).data)) return 2;
  return withAdmin("user", values, async (admin) => {
    if (action === "list") {
      const names = await admin.listUsers();
      process.stdout.write(values.json ? `${JSON.stringify(names)}\n` : names.map((each) => `${each}\n`).join(""));
      return 0;
    }
    if (action === "delete") {
      if (await admin.deleteUser(name)) return 0;
      process.stderr.write(`user: there is no account "${name}".\n`);
      return 1;
    }
    if (process.stdin.isTTY) process.stderr.write("Password, then Enter and Ctrl+D: ");
    const key = await userkeyOf(process.stdin);
    const isDone = action === "add" ? await admin.addUser(name, key) : await admin.setPassword(name, key);
    if (isDone) return 0;
    const problem = action === "add" ? `"${name}" is taken` : `there is no account "${name}"`;
    process.stderr.write(`user: ${problem}.\n`);
    return 1;
  });
}
