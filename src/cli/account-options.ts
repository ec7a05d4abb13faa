/** The options that make an account on the command line. */
import process from "node:process";
import { authorizeAccount } from "../app/account.ts";
import { findServer, openKosyncClient } from "../compose.ts";
import type { Account } from "../model/account.ts";
import { userkeyOf } from "./password.ts";
import { Refused } from "./sentences.ts";

/** As `parseArgs` takes them. */
export const ACCOUNT_OPTIONS = {
  url: { type: "string" },
  user: { type: "string" },
  "password-stdin": { type: "boolean", default: false },
  header: { type: "string", multiple: true, default: [] as string[] },
  proxy: { type: "string" },
  "ca-file": { type: "string" },
  fingerprint: { type: "string" },
  insecure: { type: "boolean", default: false },
} as const;

/** What `--help` says of them. */
export const ACCOUNT_HELP = `\
  --url URL                the sync server, as KOReader has it
  --user NAME              its user; with
  --password-stdin         the password comes on standard input
  --header "NAME: VALUE"   sent with every request, again for another one
  --proxy URL              the proxy on the way to the server, http:// or https://
  --ca-file FILE           trusts certificates that the authorities in this PEM file signed
  --fingerprint SHA256     trusts this very certificate alone
  --insecure               trusts any certificate: for a try, never for long`;

interface AccountValues {
  readonly url?: string | undefined;
  readonly user?: string | undefined;
  readonly "password-stdin": boolean;
  readonly header: readonly string[];
  readonly proxy?: string | undefined;
  readonly "ca-file"?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly insecure: boolean;
}

/** The account that these options name, with the password from standard input; throws Refused with the command's own sentence. */
export async function accountOf(values: AccountValues, command: string): Promise<Account> {
  const { url, user } = values;
  if (url === undefined || user === undefined) throw new Refused(`${command}: --url and --user are needed.`);
  if (!values["password-stdin"]) {
    throw new Refused(`${command}: pass the password on standard input with --password-stdin.`);
  }
  const headers = headersOf(values.header, command);
  const tls = tlsOf(values, command);
  const proxy = values.proxy === undefined ? null : proxyOf(values.proxy, command);
  const username = user.trim();
  if (username === "") throw new Refused(`${command}: --user wants a name.`);
  const userkey = await userkeyOf(process.stdin);
  return { id: "command-line", url, username, userkey, headers, tls, proxy };
}

/** The account at the address that really answers, once the server has let it in; throws what `authorizeAccount` throws. */
export async function loggedIn(draft: Account, signal: AbortSignal): Promise<Account> {
  const { url } = await authorizeAccount(draft, { findServer, openClient: openKosyncClient }, signal);
  return { ...draft, url };
}

function headersOf(texts: readonly string[], command: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const text of texts) {
    const match = /^([!#$%&'*+.^_`|~\w-]+):\s*(.*)$/.exec(text);
    // The value may be a secret: it is not repeated.
    if (match === null) throw new Refused(`${command}: --header wants "NAME: VALUE".`);
    headers[match[1] ?? ""] = match[2] ?? "";
  }
  return headers;
}

function tlsOf(values: AccountValues, command: string): Account["tls"] {
  const { "ca-file": path, fingerprint, insecure } = values;
  if ([path !== undefined, fingerprint !== undefined, insecure].filter(Boolean).length > 1) {
    throw new Refused(`${command}: --ca-file, --fingerprint and --insecure exclude each other.`);
  }
  if (path !== undefined) return { mode: "ca_file", path };
  if (insecure) return { mode: "none" };
  if (fingerprint === undefined) return { mode: "system" };
  const sha256 = fingerprint.replaceAll(/[\s:]/g, "").toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw new Refused(`${command}: --fingerprint wants the certificate's SHA-256, 64 hexadecimal digits.`);
  }
  return { mode: "fingerprint", sha256 };
}

function proxyOf(text: string, command: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new Refused(`${command}: --proxy wants an address like http://proxy.example:3128.`);
  }
  return text;
}
