/** `koreader-progress user`: the accounts of a server of one's own. */
import process from "node:process";
import { parseArgs } from "node:util";
import { AccountName } from "../model/account-name.ts";
import { userkeyOf } from "./password.ts";
import { STORE_HELP, STORE_OPTIONS, isMissing, storePlace, withAdmin } from "./store-options.ts";

export const summary =
  "user add|list|passwd|delete [NAME] --data DIR|--redis URL [--json]    the accounts of your server; the password comes on standard input";

export const help = `
  add NAME                 makes an account
  list                     prints their names
  passwd NAME              gives one another password
  delete NAME              removes one, and every position of it

${STORE_HELP}
  --json                   with list: one JSON array instead of lines

A running server notices at once. Exit code 0, 1 when the name is taken or unknown, 2 when nothing could be done.

Example:
  koreader-progress user add ann --data /var/lib/koreader-progress < password.txt
`;

/** Why an account or a password was not made. */
const PROBLEMS = {
  taken: (name: string) => `"${name}" is taken`,
  unknown: (name: string) => `there is no account "${name}"`,
  unfit_name: () => "a name has no colon, no control characters, no blanks around it and at most 256 bytes",
  unfit_password: () => "a password cannot be empty",
} as const;

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
  if (action === "add" && !AccountName.safeParse(name).success) {
    process.stderr.write(`user: ${PROBLEMS.unfit_name()}.\n`);
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
    const outcome = await (action === "add" ? admin.addUser(name, key) : admin.setPassword(name, key));
    if (outcome === "done") return 0;
    process.stderr.write(`user: ${PROBLEMS[outcome](name)}.\n`);
    return outcome === "taken" || outcome === "unknown" ? 1 : 2;
  });
}
