/** What the command line says when something cannot be done. */
import process from "node:process";
import { SyncError } from "../model/error.ts";

/** Nothing could be done; the message is the sentence. */
export class Refused extends Error {}

/** calibre's ids of books from `1,2,3`; throws Refused with the command's own sentence. */
export function idsOf(text: string, command: string): number[] {
  const ids = text.split(",").map((part) => Number(part.trim()));
  if (ids.some((id) => !Number.isInteger(id) || id < 1)) {
    throw new Refused(`${command}: --ids wants numbers like 1,2,3. This was "${text}".`);
  }
  return [...new Set(ids)];
}

/** Runs a command; what can be expected to go wrong becomes one sentence and exit code 2. */
export async function orSentence(command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    const sentence = sentenceOf(error);
    if (sentence === null) throw error;
    process.stderr.write(`${sentence}\n`);
    return 2;
  }
}

/** One sentence for everything that can be expected to go wrong, null for a fault of ours. */
function sentenceOf(error: unknown): string | null {
  if (error instanceof Refused) return error.message;
  if (error instanceof SyncError) return syncErrorSentence(error);
  if (error instanceof Error && error.name === "LibraryError") return librarySentence(error as Error & LibraryTrouble);
  if (error instanceof Error && error.name === "NotesRefused" && "path" in error && "reason" in error) {
    return error.reason === "newer"
      ? `${String(error.path)} was written by a newer version: update this program. Nothing was changed.`
      : `${String(error.path)} is damaged: it holds what was marked before. Bring it back, or move it away. Nothing was changed.`;
  }
  if (error instanceof Error && "syscall" in error && "code" in error) {
    return fileSentence(error.code, "path" in error ? error.path : null);
  }
  return null;
}

interface LibraryTrouble {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

function exitCode(data: LibraryTrouble["data"]): string {
  const code = data["exit_code"];
  if (typeof code === "number") return `exit code ${code}`;
  return typeof data["signal"] === "string" ? `ended from outside, ${data["signal"]}` : "ended from outside";
}

function librarySentence({ kind, data }: LibraryTrouble): string | null {
  switch (kind) {
    case "NoCalibre":
      return "calibre-debug was not found: install calibre 6.0 or newer, or put its command line tools on the PATH.";
    case "DiskRefused":
      return fileSentence(data["reason"], data["path"]);
    case "Fault":
      return `This is a fault of this program (${String(data["message"])}): please report it with the lines above.`;
    case "CalibreEnded":
      return `calibre ended before it was done (${exitCode(data)}); nothing more was written.`;
    case "BridgeNotStarted":
      return `${String(data["path"])} could not be started: ${String(data["reason"])}.`;
    case "BridgeEnded":
      return `The helper program ended before it was done (${exitCode(data)}).`;
    case "NoLibrary":
      return `${String(data["library"])} is not a calibre library: it has no metadata.db.`;
    case "LibraryOpen":
      return "Another calibre program is running, such as calibre itself or its content server. Close it first, or sync inside it.";
    case "NewerLibrary":
      return "This library was synced by a newer version of KOReader Progress: update this program. Nothing was changed.";
    case "NoRun":
      return data["run"] === null
        ? "No run wrote annotations that still stand."
        : `No run ${JSON.stringify(data["run"])} wrote annotations that still stand.`;
    case "NoBook":
      return `The library has no book ${String(data["book_id"])}.`;
    case "NoColumns":
      return "Name at least one column, for example --column percent=#percent_read, or map columns in calibre's window first.";
    case "NothingRemembered":
      return `The library remembers nothing of "${String(data["username"])}" on ${String(data["url"])}: type both as they were when it was synced.`;
    case "SameAccount":
      return "That is the account that the reading is to move to: name the one that is left with --from.";
    case "ColumnMissing":
      return `The library has no column ${String(data["column"])}. ${fittingColumns(data)}`;
    case "ColumnUnfit":
      return `The column ${String(data["column"])} cannot show ${String(data["field"])}. ${fittingColumns(data)}`;
    default:
      return null;
  }
}

function fittingColumns({ field, fitting }: LibraryTrouble["data"]): string {
  return typeof fitting === "string" && fitting !== ""
    ? `These can show ${String(field)}: ${fitting}.`
    : `None of its columns can show ${String(field)}: calibre's window makes one that can, in the plugin's preferences under Columns.`;
}

/** What the system, or SQLite, says when a disk takes or gives nothing. */
const REFUSALS: Readonly<Record<string, string>> = {
  ENOSPC: "there is no space left on its disk",
  EDQUOT: "there is no space left for this user on its disk",
  EROFS: "it can only be read",
  EACCES: "this user may not",
  EPERM: "this user may not",
  ENOENT: "it is not there",
  ENOTDIR: "there is a file where a folder is needed",
  EEXIST: "there is a file where a folder is needed",
  EISDIR: "it is a folder",
  ENAMETOOLONG: "its path is too long",
  EIO: "its disk has a fault",
  EBUSY: "another program keeps it busy",
  CANTOPEN: "it cannot be opened: is its path too long, or may this user not?",
  DAMAGED: "its database is damaged; calibre can mend it under Library maintenance",
};

/** Characters of a path that anybody would read. */
const LONGEST_PATH = 300;

/** Why a file or a folder cannot be used, by the system's code. */
export function fileSentence(code: unknown, path: unknown): string {
  const named = typeof path === "string" && path !== "" ? path : "The library";
  const where = named.length > LONGEST_PATH ? `${named.slice(0, LONGEST_PATH)}…` : named;
  return `${where} cannot be used: ${REFUSALS[String(code)] ?? String(code)}.`.replace(/\?\.$/, "?");
}

function syncErrorSentence({ kind, data }: SyncError): string {
  const url = String(data["url"] ?? "the server");
  switch (kind) {
    case "Unauthorized":
      return `${url} does not know this user and password.`;
    case "ServerUnreachable":
      return `${url} did not answer: ${String(data["cause"] ?? "no connection")}.`;
    case "NotKosyncServer":
      return `${url} answers, but not as a kosync server does. Is the address right?`;
    case "BehindLogin":
      return `${url} is behind a login page${at(data["location"])}: whoever runs it must let /users/*, /syncs/* and /healthcheck pass without it. Or sign in to this network first.`;
    case "OtherAddress":
      return data["by"] === "redirect"
        ? `${url} sends us on to ${String(data["found"])}. The password was not sent there; if that is your server: --url ${String(data["found"])}`
        : `${url} is no kosync server, but ${String(data["found"])} answers as one. The password was not sent there; if it is yours: --url ${String(data["found"])}`;
    case "CertificateRefused":
      return `${url} showed a certificate that is not trusted: ${String(data["reason"] ?? "")}. If it is yours: --fingerprint ${String(data["fingerprint"] ?? "")}`;
    case "Cancelled":
      return "Stopped; nothing was written.";
    case "ServerRefused":
      return refusedSentence(url, Number(data["status"]), data["message"]);
    case "UsernameTaken":
      return `${url}: this user name is taken.`;
    case "RegistrationClosed":
      return `${url} takes no new users.`;
    case "BookUnreadable":
      return `${String(data["path"])} cannot be read (${String(data["reason"])}).`;
    case "PortTaken":
      return `The port ${String(data["port"])} is taken by another program.`;
    case "StoreUnavailable":
      return `The data cannot be opened: ${String(data["reason"] ?? data["cause"] ?? "")}.`;
    case "ContractMismatch":
      return "The plugin and its helper program are of different versions: install the plugin again.";
    default:
      return kind satisfies never;
  }
}

function at(location: unknown): string {
  return typeof location === "string" ? ` at ${location}` : "";
}

/** Statuses of a proxy whose server behind it does not answer. */
function isDown(status: number): boolean {
  return [502, 503, 504, 530].includes(status) || (status >= 520 && status <= 527);
}

/** What a server says when it will not, told as what it is. */
function refusedSentence(url: string, status: number, message: unknown): string {
  const words = typeof message === "string" && message !== "" ? ended(`: ${message}`) : ".";
  if (status === 429)
    return `${url} has had too many requests from here (status 429). The address is right; try again in a while.`;
  if (isDown(status))
    return `${url} is down or overloaded (status ${status})${words} The address is right; try again later.`;
  return `${url} refused with status ${status}${words}`;
}

/** A sentence has one end: some servers bring their own. */
function ended(words: string): string {
  return /[.!?…]$/.test(words) ? words : `${words}.`;
}
